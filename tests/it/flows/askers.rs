//! Whose wish an agent follows decides what its tools show and change: the workspace's own people reach all that their
//! permissions reach, a customer what is theirs. Nobody reaches another workspace.

use serde_json::{Value, json};
use switchboard::domain::actions::{Actions as _, Asker, Call, Occasion};
use switchboard::domain::agents::AgentSettings;
use switchboard::domain::errors::Code;
use switchboard::domain::members::Role;
use switchboard::domain::principals::{Permission, Permissions};
use switchboard::net::{Client, Options, Trust};
use switchboard::usecases::actions::Tools;

use crate::support::gateway::{Gateway, Tenant, answer, scenario};

/// Everything that the people of a workspace do every day.
const DAILY: [Permission; 3] = [Permission::Chat, Permission::Read, Permission::Write];

/// Two people of a workspace with what is known of each, and a stranger of another.
struct World {
    ann: String,
    bob: String,
    stranger: String,
    anns_task: String,
    bobs_task: String,
    nobodys_task: String,
    strangers_task: String,
}

impl World {
    async fn make(gateway: &Gateway) -> Self {
        let made = async |tenant: &Tenant, path: &str, body: Value| {
            let (status, made) = answer(gateway.ask("POST", path).bearer_auth(&tenant.key).json(&body)).await;
            assert_eq!(status, 201, "{path}: {made}");
            made.pointer("/data/id").or(made.get("id")).unwrap().as_str().unwrap().to_owned()
        };
        let (acme, rival) = (&gateway.acme, &gateway.rival);
        let person = async |tenant, name: &str| {
            let email = format!("{}@example.com", name.to_lowercase());
            made(tenant, "/api/contacts", json!({"name": name, "email": email})).await
        };
        let (ann, bob, stranger) = (person(acme, "Ann").await, person(acme, "Bob").await, person(rival, "Rita").await);
        let of = async |tenant, name: &str, id: Option<&str>| {
            let (about, soon) = (json!({"contact_id": id}), gateway.switchboard.now() + 1_000);
            let with = |mut body: Value| {
                body.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
                body
            };
            made(tenant, "/api/v1/follow-ups", with(json!({"note": format!("Call {name}"), "due_at": soon}))).await;
            made(tenant, "/api/v1/memory", with(json!({"text": format!("{name} likes blue kettles")}))).await;
            made(tenant, "/api/v1/tasks", with(json!({"title": format!("Kettle for {name}"), "due_date": "today"})))
                .await
        };
        Self {
            anns_task: of(acme, "Ann", Some(&ann)).await,
            bobs_task: of(acme, "Bob", Some(&bob)).await,
            nobodys_task: of(acme, "nobody", None).await,
            strangers_task: of(rival, "Rita", Some(&stranger)).await,
            ann,
            bob,
            stranger,
        }
    }
}

/// Somebody whose wish the agent follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Of the workspace.
    Member,
    /// Ann, over a channel.
    Ann,
    /// Over a channel, and not known.
    Unknown,
}

struct Agent<'a> {
    gateway: &'a Gateway,
    tools: Tools,
    conversation: String,
    ann: String,
}

impl Agent<'_> {
    fn occasion(&self, who: Who, permissions: &[Permission]) -> Occasion {
        Occasion {
            workspace_id: self.gateway.acme.workspace.id.clone(),
            cause: self.gateway.switchboard.store.clock().id(),
            asker: if who == Who::Member { Asker::Team } else { Asker::Person },
            permissions: Permissions::of(permissions),
            agent_id: Some(self.gateway.acme.agent.id.clone()),
            conversation_id: Some(self.conversation.clone()),
            contact_id: (who != Who::Unknown).then(|| self.ann.clone()),
            channel_kind: None,
        }
    }

    async fn names(&self, who: Who, permissions: &[Permission]) -> Vec<String> {
        let catalogue = self.tools.catalogue(&self.occasion(who, permissions)).await.unwrap();
        catalogue.into_iter().map(|action| action.name).collect()
    }

    async fn act(&self, who: Who, tool: &str, arguments: &Value) -> Result<Value, (Code, String)> {
        let call = Call { index: 0, name: tool.to_owned(), arguments: arguments.clone() };
        let done = self.tools.invoke(&self.occasion(who, &DAILY), call).await;
        done.map(|outcome| outcome.value).map_err(|error| (error.code, error.told().to_string()))
    }
}

/// An agent of the workspace that may do everything.
async fn agent<'a>(gateway: &'a Gateway, world: &World) -> Agent<'a> {
    let settings = AgentSettings { tools: vec!["*".to_owned()], ..AgentSettings::default() };
    let echo = gateway.acme.agent.clone();
    gateway.equip(&echo, "builtin/echo", settings, None).await;
    let client = Client::new(Options::default(), Trust::Operator).unwrap();
    let conversation = gateway.customer_writes("wamid.1", "Hello").await;
    Agent { gateway, tools: Tools::new(gateway.switchboard.clone(), client), conversation, ann: world.ann.clone() }
}

/// What lies at the pointer in each item of the list that a result has under a name, in alphabetical order.
fn listed(result: &Value, list: &str, pointer: &str) -> Vec<String> {
    let items = result[list].as_array().unwrap_or_else(|| panic!("no {list} in {result}"));
    let mut found: Vec<String> =
        items.iter().map(|item| item.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect();
    found.sort();
    found
}

#[test]
fn tools_show_a_member_everybody_and_a_customer_themselves() {
    scenario(|gateway| async move {
        let world = World::make(&gateway).await;
        let agent = agent(&gateway, &world).await;
        let (all, own) = (["Kettle for Ann", "Kettle for Bob", "Kettle for nobody"], ["Kettle for Ann"]);
        let kettles = ["Ann likes blue kettles", "Bob likes blue kettles", "nobody likes blue kettles"];
        let calls = ["Call Ann", "Call Bob", "Call nobody"];
        // A call, where its result has names, those that a member sees, and those that Ann sees.
        type Case<'a> = (&'a str, Value, [&'a str; 2], &'a [&'a str], &'a [&'a str]);
        let cases: [Case<'_>; 7] = [
            ("list_tasks", json!({}), ["tasks", "/title"], &all, &own),
            ("list_tasks", json!({"query": "bob"}), ["tasks", "/title"], &all[1..2], &[]),
            ("list_tasks", json!({"contact_id": world.ann}), ["tasks", "/title"], &own, &own),
            ("list_follow_ups", json!({}), ["follow_ups", "/note"], &calls, &calls[..1]),
            ("search_memory", json!({"question": "blue kettles"}), ["results", "/text"], &kettles, &kettles[..1]),
            ("search_contacts", json!({"query": "Example.com"}), ["contacts", "/name"], &["Ann", "Bob"], &["Ann"]),
            ("search_contacts", json!({"query": "bob"}), ["contacts", "/name"], &["Bob"], &[]),
        ];
        for (tool, arguments, [list, pointer], member, customer) in &cases {
            let shown = async |who| listed(&agent.act(who, tool, arguments).await.unwrap(), list, pointer);
            assert_eq!(shown(Who::Member).await, *member, "{tool} {arguments}");
            assert_eq!(shown(Who::Ann).await, *customer, "{tool} {arguments}");
            if arguments.get("contact_id").is_none() {
                assert_eq!(shown(Who::Unknown).await, Vec::<String>::new(), "{tool} {arguments}");
            }
        }
        let day = agent.act(Who::Member, "read_day", &json!({})).await.unwrap();
        assert_eq!(listed(&day, "tasks", "/title"), all, "{day}");
        assert_eq!(listed(&day, "follow_ups", "/note"), calls, "{day}");
        assert_eq!(
            (&day["ranked_by"], &day["reasons"]["calendar"]),
            (&json!("rule"), &json!("no calendar is connected"))
        );
    });
}

#[test]
fn what_is_somebody_elses_is_not_there() {
    scenario(|gateway| async move {
        let world = World::make(&gateway).await;
        let agent = agent(&gateway, &world).await;
        let before = gateway.read(&format!("/api/contacts/{}", world.bob)).await;
        // Of another workspace: for nobody. Of another person: not for a customer.
        let about = |id: &str| {
            [
                ("list_tasks", json!({"contact_id": id})),
                ("list_follow_ups", json!({"contact_id": id})),
                ("search_memory", json!({"question": "kettles", "contact_id": id})),
                ("read_timeline", json!({"contact_id": id})),
                ("update_contact", json!({"contact_id": id, "name": "Mallory"})),
                ("create_task", json!({"title": "x", "contact_id": id})),
                ("set_follow_up", json!({"note": "x", "due": "tomorrow", "contact_id": id})),
                ("remember", json!({"text": "x", "contact_id": id})),
            ]
        };
        let unknown = agent.gateway.switchboard.store.clock().id();
        for (who, id) in [
            (Who::Member, world.stranger.as_str()),
            (Who::Member, unknown.as_str()),
            (Who::Member, "' OR 1=1 --"),
            (Who::Ann, world.stranger.as_str()),
            (Who::Ann, world.bob.as_str()),
            (Who::Unknown, world.ann.as_str()),
        ] {
            for (tool, arguments) in about(id) {
                let refused = agent.act(who, tool, &arguments).await.unwrap_err();
                assert_eq!(refused.0, Code::NotFound, "{who:?} {tool} {arguments}: {refused:?}");
            }
        }
        for (who, task) in [
            (Who::Member, &world.strangers_task),
            (Who::Member, &unknown),
            (Who::Ann, &world.strangers_task),
            (Who::Ann, &world.bobs_task),
            (Who::Ann, &world.nobodys_task),
            (Who::Unknown, &world.anns_task),
        ] {
            let refused = agent.act(who, "complete_task", &json!({"task_id": task})).await.unwrap_err();
            assert_eq!(refused.0, Code::NotFound, "{who:?} {task}: {refused:?}");
        }
        assert_eq!(agent.act(Who::Ann, "read_day", &json!({})).await.unwrap_err().0, Code::NotFound);
        // An address that somebody else has cannot be taken, and whose it is is not said.
        for tool in ["create_contact", "update_contact"] {
            let taken = json!({"email": "bob@example.com"});
            let (code, told) = agent.act(Who::Ann, tool, &taken).await.unwrap_err();
            assert!(code == Code::Conflict && !told.contains(&world.bob), "{tool}: {told}");
            let (_, told) =
                agent.act(Who::Member, tool, &json!({"email": "bob@example.com", "name": "x"})).await.unwrap_err();
            assert!(tool == "update_contact" || told.contains(&world.bob), "{tool}: {told}");
        }
        assert_eq!(gateway.read(&format!("/api/contacts/{}", world.bob)).await, before, "nothing was changed");
        for task in [&world.bobs_task, &world.nobodys_task] {
            assert_eq!(gateway.read(&format!("/api/v1/tasks/{task}")).await["data"]["status"], "open");
        }
        assert_eq!(gateway.read("/api/v1/tasks").await["meta"]["total"], 3, "nothing was made");
    });
}

#[test]
fn what_tools_make_is_about_whom_they_serve_and_made_once() {
    scenario(|gateway| async move {
        let world = World::make(&gateway).await;
        let agent = agent(&gateway, &world).await;
        let (ann, bob, nobody) = (json!(world.ann), json!(world.bob), Value::Null);
        let tools = [
            ("create_task", json!({"title": "Ring the bell", "remind": "tomorrow at nine"}), "/task"),
            ("set_follow_up", json!({"note": "Ring the bell", "due": "in two days"}), "/follow_up"),
            ("remember", json!({"text": "Likes bells", "kind": "preference"}), "/memory"),
        ];
        for (tool, arguments, made) in tools {
            let mut about_bob = arguments.clone();
            about_bob["contact_id"] = bob.clone();
            for (who, arguments, about) in
                [(Who::Ann, &arguments, &ann), (Who::Member, &arguments, &nobody), (Who::Member, &about_bob, &bob)]
            {
                let occasion = agent.occasion(who, &DAILY);
                let call = Call { index: 3, name: tool.to_owned(), arguments: arguments.clone() };
                let first = agent.tools.invoke(&occasion, call.clone()).await.unwrap().value;
                let one = first.pointer(made).unwrap();
                assert_eq!((&one["contact_id"], &one["source"]), (about, &json!("agent")), "{tool} {who:?}");
                assert_eq!(one["conversation_id"], json!(agent.conversation), "{tool} {who:?}");
                let again = agent.tools.invoke(&occasion, call).await.unwrap().value;
                assert_eq!(again, first, "{tool} {who:?}: the same call makes the same thing");
            }
        }
        for (who, task) in [(Who::Ann, &world.anns_task), (Who::Member, &world.nobodys_task)] {
            let done = agent.act(who, "complete_task", &json!({"task_id": task})).await.unwrap();
            assert_eq!(done["task"]["status"], "done", "{who:?}");
        }
        let lead =
            agent.act(Who::Ann, "capture_lead", &json!({"contact_name": "Ann", "notes": "a kettle"})).await.unwrap();
        let lead = gateway.read(&format!("/api/leads/{}", lead["lead_id"].as_str().unwrap())).await;
        assert_eq!((&lead["contact_name"], &lead["source"]), (&json!("Ann"), &json!("agent")), "{lead}");
        let handed = agent.act(Who::Ann, "hand_over_to_person", &json!({"reason": "She asks for one."})).await.unwrap();
        assert_eq!(handed, json!({"handed_over": true}));
    });
}

#[test]
fn bad_arguments_are_told_and_nothing_is_done() {
    scenario(|gateway| async move {
        let world = World::make(&gateway).await;
        let agent = agent(&gateway, &world).await;
        let cases = [
            ("create_task", json!({}), "arguments"),
            ("create_task", json!({"title": "x", "due_date": "on the day after never"}), "due_date"),
            ("create_task", json!({"title": "x", "priority": "whenever"}), "priority"),
            ("create_task", json!({"title": "x", "status": "done"}), "arguments"),
            ("complete_task", json!({"task_id": 5}), "task_id"),
            ("list_tasks", json!({"query": ""}), "query"),
            ("list_follow_ups", json!({"all": true}), "arguments"),
            ("set_follow_up", json!({"note": "x"}), "arguments"),
            ("set_follow_up", json!({"note": "x", "due": "sometime"}), "due"),
            ("search_memory", json!({"question": ""}), "question"),
            ("remember", json!({"text": "x", "kind": "rumour"}), "kind"),
            ("search_contacts", json!({"query": "x"}), "query"),
            ("create_contact", json!({"email": "nowhere"}), "email"),
            ("update_contact", json!({"phone": "12345678"}), "phone"),
            ("read_timeline", json!({"limit": 0}), "limit"),
            ("capture_lead", json!({}), "arguments"),
            ("capture_lead", json!({"notes": "no name"}), "contact_name"),
            ("hand_over_to_person", json!({"reason": ""}), "reason"),
            ("read_day", json!({"day": "tomorrow"}), "arguments"),
            ("read_day", json!("today"), "arguments"),
        ];
        for (tool, arguments, field) in cases {
            let (code, told) = agent.act(Who::Member, tool, &arguments).await.unwrap_err();
            assert_eq!(code, Code::InvalidRequest, "{tool} {arguments}: {told}");
            assert!(told.contains(&format!("\"field\":\"{field}\"")), "{tool} {arguments}: {told}");
        }
        assert_eq!(gateway.read("/api/v1/tasks").await["meta"]["total"], 3);
    });
}

#[test]
fn tools_are_offered_to_those_who_may() {
    scenario(|gateway| async move {
        let world = World::make(&gateway).await;
        let agent = agent(&gateway, &world).await;
        let chat = ["capture_lead", "hand_over_to_person"];
        let read = ["search_contacts", "read_timeline", "list_tasks", "list_follow_ups", "search_memory"];
        let write = ["create_contact", "update_contact", "create_task", "complete_task", "set_follow_up", "remember"];
        let sorted = |parts: &[&[&str]]| {
            let mut names: Vec<String> = parts.concat().into_iter().map(str::to_owned).collect();
            names.sort();
            names
        };
        let cases: [(Who, &[Permission], Vec<String>); 5] = [
            (Who::Member, &DAILY, sorted(&[&chat, &read, &write, &["read_day"]])),
            (Who::Ann, &DAILY, sorted(&[&chat, &read, &write])),
            (Who::Member, &[Permission::Read], sorted(&[&read, &["read_day"]])),
            (Who::Member, &[Permission::Chat], sorted(&[&chat])),
            (Who::Member, &[], Vec::new()),
        ];
        for (who, permissions, expected) in cases {
            let mut names = agent.names(who, permissions).await;
            names.sort();
            assert_eq!(names, expected, "{who:?} {permissions:?}");
            for tool in [&chat[..], &read, &write, &["read_day"]].concat() {
                if names.iter().any(|name| name == tool) {
                    continue;
                }
                let call = Call { index: 0, name: tool.to_owned(), arguments: json!({}) };
                let refused = agent.tools.invoke(&agent.occasion(who, permissions), call).await.unwrap_err();
                assert_eq!(refused.code, Code::NotFound, "{who:?} {permissions:?} {tool}");
            }
        }
        // An agent has the tools that its settings name, whoever asks.
        let settings = AgentSettings { tools: vec!["read_day".to_owned()], ..AgentSettings::default() };
        gateway.equip(&gateway.acme.agent, "builtin/echo", settings, None).await;
        gateway.switchboard.directory.forget_agent(&gateway.acme.agent.id);
        assert_eq!(agent.names(Who::Member, &DAILY).await, ["read_day"]);
    });
}

#[test]
fn the_assistant_acts_for_its_caller_and_every_call_is_in_the_trace() {
    scenario(|gateway| async move {
        World::make(&gateway).await;
        let settings = AgentSettings {
            base_url: Some(gateway.simulator.base_url()),
            tools: vec!["*".to_owned()],
            assistant: true,
            ..AgentSettings::default()
        };
        gateway.equip(&gateway.acme.agent, "test-model", settings, None).await;
        let wishes = json!([
            { "name": "read_day", "arguments": {} },
            { "name": "list_tasks", "arguments": {} },
            { "name": "create_task", "arguments": { "title": "Sweep" } },
        ]);
        let reader = gateway.key_with(&gateway.acme, &[Permission::Chat, Permission::Read]).await;
        let (_, viewer) = gateway.member_with(&gateway.acme, "vera@example.com", Role::Viewer).await;
        // Whose key or session, how many tasks they see, whether the day, and whether they may make a task.
        let chat = |key: &str| gateway.ask("POST", "/api/v1/chat").bearer_auth(key);
        let cases = [
            ("a workspace's key", chat(&gateway.acme.key), Some(3), true, true),
            ("a key that reads", chat(&reader), Some(4), true, false),
            ("an agent's key", chat(&gateway.acme.agent_key), None, false, false),
            ("the owner", gateway.by_cookie(&gateway.acme.session, "POST", "/api/v1/chat"), Some(4), true, true),
        ];
        for (who, request, tasks, day, makes) in cases {
            gateway.replies(&json!([{ "tool_calls": wishes }, { "text": "Done." }])).await;
            let (status, said) = answer(request.json(&json!({"message": "What is there to do?"}))).await;
            let data = &said["data"];
            assert_eq!((status, &data["response"]), (200, &json!("Done.")), "{who}: {said}");
            let trace = gateway.read(&format!("/api/messages/{}/trace", data["message_id"].as_str().unwrap())).await;
            assert_eq!(data.get("trace"), tasks.map(|_| &trace), "{who}: who may read sees the trace");
            let calls = &trace["calls"];
            let names: Vec<_> = calls.as_array().unwrap().iter().map(|call| call["tool"].as_str().unwrap()).collect();
            assert_eq!(names, ["read_day", "list_tasks", "create_task"], "{who}");
            assert_eq!(calls[0].get("error").is_none(), day, "{who}: {calls}");
            assert_eq!(calls[1]["result"]["total"].as_i64(), tasks, "{who}: {calls}");
            assert_eq!(calls[2].get("error").is_none(), makes, "{who}: {calls}");
        }
        // Who may only look cannot chat, and a customer of a channel sees nothing of all that.
        let refused = gateway.by_cookie(&viewer, "POST", "/api/v1/chat").json(&json!({"message": "Hi"}));
        assert_eq!(answer(refused).await.0, 403);
        gateway.replies(&json!([{ "tool_calls": wishes }, { "text": "Nothing." }])).await;
        let conversation = gateway.customer_writes("wamid.1", "What is there to do?").await;
        let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        let reply = messages["messages"][1]["id"].as_str().unwrap();
        let calls = &gateway.read(&format!("/api/messages/{reply}/trace")).await["calls"];
        assert!(calls[0]["error"].as_str().unwrap().contains("NOT_FOUND"), "{calls}");
        assert_eq!(calls[1]["result"], json!({"tasks": [], "total": 0}));
    });
}
