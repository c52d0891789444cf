//! Files of messages: each comes by itself, and none takes back what is known of the others.

use switchboard::domain::changes::{AttachmentChange, Change};
use switchboard::domain::files::File;
use switchboard::domain::jobs::Work;
use switchboard::domain::messages::Attachment;
use switchboard::domain::messages::AttachmentState::{Failed, Pending, Stored};
use switchboard_channels::contract::content::{Content, Media};

use crate::support::databases::on_both_databases;
use crate::support::people::{content, decide, unwritten};

/// What a download job has to say about a file that came, or that did not.
fn news(message_id: &str, index: usize, came: bool) -> AttachmentChange {
    let file = came.then(|| File {
        id: format!("file {index}"),
        sha256: index.to_string().repeat(64),
        size: 3,
        mime_type: "image/png".to_owned(),
        filename: None,
    });
    let attachment = Attachment {
        id: file.as_ref().map(|file| file.id.clone()),
        kind: "image".to_owned(),
        state: if came { Stored } else { Failed },
        mime_type: None,
        filename: None,
        size: None,
        url: None,
        error: None,
    };
    AttachmentChange { message_id: message_id.to_owned(), index, attachment, file }
}

on_both_databases! {
    async fn the_files_of_one_message_come_one_by_one_or_together(store: TestStore) {
        let image = || Content::Image(Media { url: Some("https://vendor.example/a".to_owned()), ..Media::default() });
        let parts = vec![Content::text("look"), image(), image(), image()];
        let event = content("wamid.1", "491", Content::Multipart { parts });
        let received = decide(&store, &unwritten(&store, &store.channel), &[event]);
        let conversation_id = received.next.id.clone();
        store.commit(received.change).await.unwrap();
        let message = store.messages(&store.workspace.id, &conversation_id, None, 1).await.unwrap().remove(0);
        assert_eq!(message.body, "look\n[image]\n[image]\n[image]");
        let downloads: Vec<_> = store.fed().into_iter().filter(|job| job.work.kind() == "download").collect();
        let wanted: Vec<_> =
            (0..3).map(|index| Work::Download { message_id: message.id.clone(), index }).collect();
        assert_eq!(downloads.iter().map(|job| job.work.clone()).collect::<Vec<_>>(), wanted);

        let change = |index: usize, came: bool| Change {
            workspace_id: store.workspace.id.clone(),
            attachments: vec![news(&message.id, index, came)],
            finishes: Some(downloads[index].id.clone()),
            ..Change::default()
        };
        // These two may well be committed in one transaction.
        let (last, first) = tokio::join!(store.commit(change(2, true)), store.commit(change(0, true)));
        assert!(last.is_ok() && first.is_ok());
        let states = async || {
            let found = store.message(&store.workspace.id, &message.id).await.unwrap().unwrap();
            found.message.attachments.into_iter().map(|attachment| attachment.state).collect::<Vec<_>>()
        };
        assert_eq!(states().await, [Stored, Pending, Stored]);
        store.commit(change(1, false)).await.unwrap();
        assert_eq!(states().await, [Stored, Failed, Stored]);
        for (index, kept) in [(0, true), (1, false), (2, true)] {
            let file = store.conversation_file(&conversation_id, &format!("file {index}")).await.unwrap();
            assert_eq!(file.is_some(), kept, "{index}");
        }
        let events = store.events(&store.workspace.id, 0, 100).await.unwrap();
        let last = events.iter().rfind(|event| event.kind == "message.updated").unwrap();
        assert_eq!(last.data.matches("\"stored\"").count(), 2, "an event tells of all files: {}", last.data);
    }
}
