//! What agents know: replaced whole, forgotten, and found by their own agent only.

use switchboard::domain::documents::{Document, DocumentState, Origin};
use switchboard::domain::jobs::{Embeddable, NewJob, Work};
use switchboard::store::documents::NewDocument;
use switchboard::store::documents::reading::{Content, Read};
use switchboard::store::embeddings::Unembedded;

use crate::support::databases::{TestStore, agent, on_both_databases, workspace};
use crate::support::people::embedding;

fn document(store: &TestStore, agent_id: &str, source: &str, passages: &[&str]) -> NewDocument {
    NewDocument {
        id: store.id(),
        workspace_id: store.workspace.id.clone(),
        agent_id: agent_id.to_owned(),
        title: format!("About {source}"),
        source: source.to_owned(),
        hash: format!("hash of {}", passages.len()),
        passages: passages.iter().map(|text| (*text).to_owned()).collect(),
        embeds: false,
    }
}

async fn found(store: &TestStore, question: &str) -> Vec<String> {
    let found = store.search_passages(&store.workspace.id, &store.agent.id, question, 10).await.unwrap();
    found.into_iter().map(|passage| passage.text).collect()
}

on_both_databases! {
    async fn the_passage_with_more_of_the_question_comes_first(store: TestStore) {
        let passages = ["We deliver on weekdays.", "Delivery to islands costs ten euros.", "Our shop is red."];
        store.put_document(&document(&store, &store.agent.id, "faq.md", &passages)).await.unwrap();
        let best = store
            .search_passages(&store.workspace.id, &store.agent.id, "What does delivery to the islands cost?", 10)
            .await
            .unwrap();
        assert_eq!(best[0].text, passages[1]);
        assert_eq!((best[0].title.as_str(), best[0].source.as_str()), ("About faq.md", "faq.md"));
        assert!(best.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(!best.iter().any(|passage| passage.text == passages[2]));
        assert_eq!(found(&store, "zebra").await, Vec::<String>::new());
    }

    async fn a_document_is_replaced_whole_and_forgotten(store: TestStore) {
        store.put_document(&document(&store, &store.agent.id, "a.md", &["apples", "pears"])).await.unwrap();
        store.put_document(&document(&store, &store.agent.id, "b.md", &["plums"])).await.unwrap();
        let second = document(&store, &store.agent.id, "a.md", &["quinces"]);
        store.put_document(&second).await.unwrap();
        let hash = store.document_hash(&store.agent.id, "a.md").await.unwrap();
        assert_eq!(hash, Some((second.id, second.hash)));
        assert!(found(&store, "apples pears").await.is_empty());
        assert_eq!(found(&store, "quinces").await, ["quinces"]);
        assert_eq!(store.forget_documents(&store.agent.id, &["a.md".to_owned()]).await.unwrap(), 1);
        assert!(found(&store, "plums").await.is_empty());
        assert_eq!(found(&store, "quinces").await, ["quinces"]);
    }

    async fn hostile_questions_and_texts_break_nothing(store: TestStore) {
        let odd = document(&store, &store.agent.id, "odd\0.md", &["nul \0 here", "'; DROP TABLE passages; --", ""]);
        store.put_document(&odd).await.unwrap();
        assert!(store.document_hash(&store.agent.id, "odd\0.md").await.unwrap().is_some());
        assert_eq!(found(&store, "nul").await.len(), 1);
        let long = "w ".repeat(50_000);
        for question in [
            "", "\0", "\" OR * NEAR(", "a:b -c ^d", "& | ! <-> ( :*", "'", "AND OR NOT", "passages MATCH 'x'", "the of a",
            "ª º ² ½ ①", "日本語 العربية", "👍", "\u{301}\u{200d}", &long, "DROP \\ TABLE",
        ] {
            let _ = found(&store, question).await;
        }
        assert_eq!(found(&store, "drop\0table").await.len(), 1);
    }

    async fn nobody_finds_what_another_agent_knows(store: TestStore) {
        let other = agent(&store, &store.workspace, "other").await;
        let stranger = workspace(&store, "stranger").await;
        store.put_document(&document(&store, &other.id, "a.md", &["the secret recipe"])).await.unwrap();
        assert!(found(&store, "secret recipe").await.is_empty());
        let search = store.search_passages(&stranger.id, &other.id, "secret recipe", 10).await.unwrap();
        assert!(search.is_empty());
        assert_eq!(store.forget_documents(&store.agent.id, &[]).await.unwrap(), 0);
        let search = store.search_passages(&store.workspace.id, &other.id, "secret recipe", 10).await.unwrap();
        assert_eq!(search.len(), 1);
    }
}

fn reading(store: &TestStore, source: &str, revision: &str) -> Document {
    Document {
        id: store.id(),
        agent_id: store.agent.id.clone(),
        title: String::new(),
        source: source.to_owned(),
        origin: Origin::Url,
        file_id: None,
        url: Some(source.to_owned()),
        state: DocumentState::Pending,
        reason: None,
        passages: 0,
        created_at: 1,
        updated_at: 1,
        revision: revision.to_owned(),
    }
}

fn job(store: &TestStore, document: &Document) -> Content {
    let work = Work::Ingest { document_id: document.id.clone(), revision: document.revision.clone() };
    Content::Job(NewJob { id: store.id(), lane: String::new(), work, run_at: 1, cargo: None })
}

fn read(title: &str, passage: &str) -> Read {
    Read { title: title.to_owned(), hash: passage.to_owned(), passages: vec![passage.to_owned()], embeds: false }
}

on_both_databases! {
    async fn a_document_is_born_with_its_job_and_known_once_it_is_read(store: TestStore) {
        let home = store.workspace.id.clone();
        let pending = reading(&store, "https://a.example", "r1");
        assert!(store.add_document(&home, &pending, job(&store, &pending), None).await.unwrap().is_none());
        let jobs = store.count_jobs().await.unwrap();
        assert!(jobs.iter().any(|jobs| jobs.kind == "ingest" && jobs.count == 1), "{jobs:?}");
        let twice = reading(&store, "https://a.example", "r1");
        assert!(store.add_document(&home, &twice, job(&store, &twice), None).await.is_err_and(|error| error.is_taken()));
        assert!(store.index_document(&home, &pending.id, "r1", &read("A", "apples")).await.unwrap());
        let ready = store.document(&home, &pending.id).await.unwrap().unwrap();
        assert_eq!((ready.state, ready.title.as_str(), ready.passages), (DocumentState::Ready, "A", 1));
        assert_eq!(found(&store, "apples").await, ["apples"]);
        assert_eq!(store.documents(&home, &store.agent.id, 10, 0).await.unwrap(), (vec![ready], 1));
        assert_eq!(store.document(&workspace(&store, "stranger").await.id, &pending.id).await.unwrap(), None);
    }

    async fn a_reading_that_ends_late_changes_nothing(store: TestStore) {
        let home = store.workspace.id.clone();
        let first = reading(&store, "https://a.example", "r1");
        store.add_document(&home, &first, job(&store, &first), None).await.unwrap();
        store.index_document(&home, &first.id, "r1", &read("A", "apples")).await.unwrap();
        let second = Document { revision: "r2".to_owned(), ..first.clone() };
        assert!(store.change_document(&home, &second, job(&store, &second)).await.unwrap());
        assert_eq!(found(&store, "apples").await, ["apples"], "known until the new text is there");
        assert!(!store.index_document(&home, &first.id, "r1", &read("A", "plums")).await.unwrap());
        store.fail_document(&home, &first.id, "r1", "late").await.unwrap();
        assert_eq!(store.document(&home, &first.id).await.unwrap().unwrap().state, DocumentState::Pending);
        store.fail_document(&home, &first.id, "r2", "the address answered 404").await.unwrap();
        let failed = store.document(&home, &first.id).await.unwrap().unwrap();
        assert_eq!((failed.state, failed.reason.as_deref()), (DocumentState::Failed, Some("the address answered 404")));
        assert_eq!(found(&store, "apples").await, ["apples"]);
        let third = Document { origin: Origin::Text, state: DocumentState::Ready, revision: String::new(), ..first };
        assert!(store.change_document(&home, &third, Content::Read(read("A", "pears"))).await.unwrap());
        assert!(found(&store, "apples").await.is_empty());
        assert_eq!(found(&store, "pears").await, ["pears"]);
        assert!(store.remove_document(&home, &third.id).await.unwrap());
        assert!(found(&store, "pears").await.is_empty());
        assert!(!store.change_document(&home, &third, Content::Read(read("A", "x"))).await.unwrap());
    }
}

/// The texts of a document that the model `m` has not embedded.
async fn left(store: &TestStore, workspace_id: &str, id: &str) -> Vec<Unembedded> {
    store.texts_to_embed(workspace_id, (Embeddable::Document, id), "m", 100).await.unwrap()
}

/// Embeds what is left of a document: each text with its vector.
async fn embed(store: &TestStore, id: &str, vectors: &[[f32; 2]]) {
    let left = left(store, &store.workspace.id, id).await;
    assert_eq!(left.len(), vectors.len());
    let embedded: Vec<_> = left.into_iter().zip(vectors).map(|(text, vector)| (text, vector.to_vec())).collect();
    let (of, spent) = (Embeddable::Document, embedding("m", 0));
    let put = store.put_embeddings(&store.workspace.id, of, &embedded, &spent).await.unwrap();
    assert_eq!(put, u64::try_from(vectors.len()).unwrap());
    assert_eq!(store.put_embeddings("another", of, &embedded, &spent).await.unwrap(), 0);
}

async fn near(store: &TestStore, vector: &[f32], most: usize) -> Vec<String> {
    let place = (store.workspace.id.as_str(), store.agent.id.as_str());
    // Of several, each has its own.
    let vectors = [vector.to_vec(), vec![0.0, -1.0]];
    let mut found = store.nearest_passages(place, "m", &vectors, (0.3, most)).await.unwrap();
    assert_eq!(found.pop(), Some(Vec::new()));
    let near = found.remove(0);
    assert!(near.windows(2).all(|pair| pair[0].score >= pair[1].score));
    near.into_iter().map(|passage| passage.text).collect()
}

async fn embed_jobs(store: &TestStore) -> Vec<Work> {
    store.fed().into_iter().map(|job| job.work).filter(|work| work.kind() == "embed").collect()
}

on_both_databases! {
    async fn passages_are_near_to_what_lies_near_them(store: TestStore) {
        let (home, agent_id) = (store.workspace.id.clone(), store.agent.id.clone());
        let one = document(&store, &agent_id, "one.md", &["east", "north", "nowhere"]);
        store.put_document(&one).await.unwrap();
        assert!(!store.knows_by_meaning(&home, &agent_id, "m").await.unwrap());
        embed(&store, &one.id, &[[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]).await;
        let other = agent(&store, &store.workspace, "other").await;
        let others = document(&store, &other.id, "one.md", &["secret"]);
        store.put_document(&others).await.unwrap();
        embed(&store, &others.id, &[[1.0, 0.0]]).await;
        for (vector, most, expected) in [
            (&[0.8, 0.6][..], 9, &["east", "north"][..]),
            (&[0.6, 0.8], 9, &["north", "east"]),
            (&[0.6, 0.8], 1, &["north"]),
            (&[1.0, 0.0], 9, &["east"]),
            (&[1.0], 9, &[]),
        ] {
            assert_eq!(near(&store, vector, most).await, expected, "{vector:?} {most}");
        }
        let knows = async |workspace: &str, model: &str| {
            let near = store.nearest_passages((workspace, &agent_id), model, &[vec![1.0, 0.0]], (0.3, 9)).await.unwrap();
            let near = near.concat();
            let knows = store.knows_by_meaning(workspace, &agent_id, model).await.unwrap();
            assert_eq!(knows, !near.is_empty());
            knows
        };
        assert!(knows(&home, "m").await);
        for (workspace, model) in [(home.as_str(), "another"), ("another", "m")] {
            assert!(!knows(workspace, model).await, "{workspace} {model}");
        }
        assert!(left(&store, &home, &one.id).await.is_empty());
        assert!(left(&store, "another", &one.id).await.is_empty());
    }

    async fn what_is_read_anew_is_embedded_anew(store: TestStore) {
        let home = store.workspace.id.clone();
        let known = Document { state: DocumentState::Ready, origin: Origin::Text, ..reading(&store, "a.md", "r1") };
        let read = |passage: &str| Read { embeds: true, ..read("A", passage) };
        let job = Work::Embed { of: Embeddable::Document, id: known.id.clone() };
        store.add_document(&home, &known, Content::Read(read("east")), None).await.unwrap();
        assert_eq!(embed_jobs(&store).await, std::slice::from_ref(&job));
        embed(&store, &known.id, &[[1.0, 0.0]]).await;
        assert!(store.index_document(&home, &known.id, "r1", &read("east")).await.unwrap());
        assert_eq!((embed_jobs(&store).await, near(&store, &[1.0, 0.0], 9).await), (vec![], vec!["east".to_owned()]));
        assert!(store.index_document(&home, &known.id, "r1", &read("north")).await.unwrap());
        assert_eq!((embed_jobs(&store).await, near(&store, &[1.0, 0.0], 9).await), (vec![job.clone()], vec![]));
        assert_eq!(left(&store, &home, &known.id).await[0].text, "north");
        assert!(store.change_document(&home, &known, Content::Read(read("south"))).await.unwrap());
        assert_eq!(embed_jobs(&store).await, [job]);
        let taught = NewDocument { embeds: true, ..document(&store, &store.agent.id, "b.md", &["west"]) };
        store.put_document(&taught).await.unwrap();
        assert_eq!(embed_jobs(&store).await, [Work::Embed { of: Embeddable::Document, id: taught.id }]);
    }

    async fn documents_from_before_the_model_get_a_job_each(store: TestStore) {
        let home = store.workspace.id.clone();
        let texts = ["apples", "pears"];
        let (one, done) =
            (document(&store, &store.agent.id, "a.md", &texts), document(&store, &store.agent.id, "b.md", &["plums"]));
        store.put_document(&one).await.unwrap();
        store.put_document(&done).await.unwrap();
        embed(&store, &done.id, &[[1.0, 0.0]]).await;
        assert_eq!(store.embed_what_is_left("another", "m").await.unwrap(), 0);
        assert_eq!(store.embed_what_is_left(&home, "m").await.unwrap(), 1);
        assert_eq!(embed_jobs(&store).await, [Work::Embed { of: Embeddable::Document, id: one.id.clone() }]);
        assert_eq!(store.embed_what_is_left(&home, "m").await.unwrap(), 0, "its job waits");
        assert_eq!(store.embed_what_is_left(&home, "another").await.unwrap(), 1, "what no job waits for");
    }

    async fn the_newest_ten_thousand_passages_are_compared(store: TestStore) {
        let texts: Vec<String> = (0..10_001).map(|number| format!("passage {number}")).collect();
        let passages: Vec<&str> = texts.iter().map(String::as_str).collect();
        let long = document(&store, &store.agent.id, "long.md", &passages);
        store.put_document(&long).await.unwrap();
        let home = (store.workspace.id.as_str(), Embeddable::Document);
        let left = store.texts_to_embed(home.0, (home.1, &long.id), "m", 20_000).await.unwrap();
        let vector = |number: usize| if number < 2 { vec![1.0, 0.0] } else { vec![0.0, 1.0] };
        let embedded: Vec<_> = left.into_iter().enumerate().map(|(number, text)| (text, vector(number))).collect();
        let put = store.put_embeddings(home.0, home.1, &embedded, &embedding("m", 0)).await.unwrap();
        assert_eq!((put, near(&store, &[1.0, 0.0], 9).await), (10_001, vec!["passage 1".to_owned()]));
    }
}
