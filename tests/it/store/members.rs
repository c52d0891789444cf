//! Members and invitations: the last owner stays, an invitation is accepted once.

use switchboard::domain::changes::Idempotency;
use switchboard::domain::jobs::{NewJob, Work};
use switchboard::domain::members::{Invitation, Role};
use switchboard::store::members::MemberChange;

use super::users::user;
use crate::support::databases::{TestStore, on_both_databases, workspace};

fn invitation(store: &TestStore, id: &str, role: Role) -> Invitation {
    Invitation {
        id: id.to_owned(),
        workspace_id: store.workspace.id.clone(),
        email: "kim@example.com".to_owned(),
        role,
        invited_by: "Jane".to_owned(),
        created_at: store.clock().now(),
        expires_at: store.clock().now() + 60_000,
        accepted_at: None,
    }
}

fn mail_of(store: &TestStore, invitation: &Invitation) -> NewJob {
    let work = Work::Invite { invitation_id: invitation.id.clone() };
    NewJob { id: store.id(), lane: String::new(), work, run_at: invitation.created_at, cargo: None }
}

on_both_databases! {
    async fn a_workspace_keeps_an_owner(store: TestStore) {
        let (jane, kim) = (user(&store, "jane@example.com"), user(&store, "kim@example.com"));
        let home = store.workspace.id.clone();
        for stored in [&jane, &kim] {
            store.put_user(stored).await.unwrap();
            store.put_member(&home, &stored.user.id, Role::Owner).await.unwrap();
        }
        let demote = |id: String| {
            let (home, store) = (home.clone(), &store);
            async move { store.change_member(&home, &id, Role::Owner, Some(Role::Viewer)).await.unwrap() }
        };
        let (one, two) = tokio::join!(demote(jane.user.id.clone()), demote(kim.user.id.clone()));
        let mut ends = [one, two].map(|end| end == MemberChange::Done);
        ends.sort_unstable();
        assert_eq!(ends, [false, true], "two who demote each other do not both win");
        let (members, total) = store.members(&home, 10, 0).await.unwrap();
        assert_eq!((members.iter().filter(|member| member.role == Role::Owner).count(), total), (1, 2));
        let last = members.iter().find(|member| member.role == Role::Owner).unwrap();
        let gone = store.change_member(&home, &last.id, Role::Owner, None).await.unwrap();
        assert_eq!(gone, MemberChange::LastOwner);
        let stale = store.change_member(&home, &last.id, Role::Admin, None).await.unwrap();
        assert_eq!(stale, MemberChange::Unknown, "they are something else by now");
        let away = workspace(&store, "away").await;
        assert!(store.member(&away.id, &last.id).await.unwrap().is_none());
        assert_eq!(store.change_member(&away.id, &last.id, Role::Viewer, None).await.unwrap(), MemberChange::Unknown);
    }

    async fn an_invitation_is_accepted_once(store: TestStore) {
        let made = invitation(&store, &store.id(), Role::Agent);
        let mail = || Some(("the token", mail_of(&store, &made)));
        let under = |id: &str| Idempotency { key: "k".into(), request_hash: "h".into(), result_id: id.to_owned() };
        let first = under(&made.id);
        assert_eq!(store.add_invitation(&made, "hash", mail(), Some(&first)).await.unwrap(), None);
        let second = under("another");
        assert_eq!(store.add_invitation(&made, "hash", mail(), Some(&second)).await.unwrap(), Some(first));
        let away = workspace(&store, "away").await.id;
        let home = store.workspace.id.clone();
        let (unsent, token) = store.unsent_invitation(&home, &made.id).await.unwrap().unwrap();
        assert_eq!((&unsent, token.as_str()), (&made, "the token"));
        assert!(store.unsent_invitation(&away, &made.id).await.unwrap().is_none());
        store.invitation_sent(&home, &made.id).await.unwrap();
        assert!(store.unsent_invitation(&home, &made.id).await.unwrap().is_none());
        assert!(!store.remove_invitation(&away, &made.id).await.unwrap());
        assert_eq!(store.open_invitation("hash").await.unwrap().as_ref(), Some(&made));

        let kim = user(&store, "kim@example.com");
        assert!(store.accept_invitation(&made, &kim, true).await.unwrap());
        assert!(!store.accept_invitation(&made, &kim, false).await.unwrap());
        assert_eq!(store.member(&home, &kim.user.id).await.unwrap().unwrap().role, Role::Agent);
        assert!(store.open_invitation("hash").await.unwrap().is_none());
        assert!(!store.remove_invitation(&home, &made.id).await.unwrap(), "what was accepted stays in the list");

        let again = invitation(&store, &store.id(), Role::Owner);
        store.add_invitation(&again, "other", None, None).await.unwrap();
        assert!(store.unsent_invitation(&home, &again.id).await.unwrap().is_none(), "no mail, no token");
        assert!(store.accept_invitation(&again, &kim, false).await.unwrap());
        assert_eq!(store.member(&home, &kim.user.id).await.unwrap().unwrap().role, Role::Agent, "they stay what they are");
        store.clock().advance(61_000);
        let (list, total) = store.invitations(&home, 1, 0).await.unwrap();
        assert_eq!((list[0].id.as_str(), total), (again.id.as_str(), 2));
    }
}
