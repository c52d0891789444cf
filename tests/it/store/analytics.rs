//! Analytics: known rows come to known figures, by the days, channels and agents that are asked for, and to nothing for
//! another workspace.

use switchboard::domain::analytics::{DaySpan, Figures, Grouping, QUIET_MS, Summed, Sums, days};
use switchboard::domain::time_words::Standpoint;
use switchboard::store::analytics::AnalyticsFilter;

use crate::support::databases::{TestStore, agent, channel, on_both_databases, workspace};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// What was said in three conversations, the third through another channel and of another agent: the conversation, when
/// (milliseconds after the first day began), who, and how far it has come.
const SAID: &[(usize, i64, &str, &str)] = &[
    // Before the period, but less than a day before what follows: the exchange is not of the period.
    (0, -HOUR, "contact", "received"),
    (0, HOUR, "agent", "read"),
    // After a day of quiet: an agent answers alone, the person thanks.
    (0, 26 * HOUR, "contact", "received"),
    (0, 26 * HOUR + 2_000, "agent", "read"),
    (0, 27 * HOUR, "contact", "received"),
    (1, 2 * HOUR, "system", "failed"),
    (1, 3 * HOUR, "contact", "received"),
    (1, 3 * HOUR + MINUTE, "agent", "delivered"),
    (1, 5 * HOUR, "human", "sent"),
    // Only our side said something.
    (2, HOUR, "system", "sent"),
    // On the last day, and it goes on after it: it has not ended.
    (2, 70 * HOUR, "contact", "received"),
    (2, 80 * HOUR, "contact", "received"),
];

async fn furnish(store: &TestStore, begins: i64) -> (String, String) {
    let other_agent = agent(store, &store.workspace, "bob").await;
    let other = channel(store, &store.workspace, Some(&other_agent), "200").await;
    for conversation in 0..3 {
        let (channel, agent) = if conversation == 2 {
            (other.id.as_str(), other_agent.id.as_str())
        } else {
            (store.channel.id.as_str(), store.agent.id.as_str())
        };
        let home = &store.workspace.id;
        store.run(&format!("INSERT INTO contacts (id, workspace_id, created_at, updated_at) VALUES ('p{conversation}', '{home}', 0, 0)")).await;
        store.run(&format!("INSERT INTO conversations (id, workspace_id, channel_id, kind, contact_id, agent_id, owner, version, last_seq, answered_seq, created_at, last_message_at) VALUES ('c{conversation}', '{home}', '{channel}', 'whatsapp', 'p{conversation}', '{agent}', '{{\"kind\":\"agent\"}}', 1, 9, 0, 0, 0)")).await;
        for (seq, (_, after, author, status)) in SAID.iter().filter(|said| said.0 == conversation).enumerate() {
            let direction = if *author == "contact" { "inbound" } else { "outbound" };
            let at = begins + after;
            store.run(&format!("INSERT INTO messages (id, workspace_id, conversation_id, channel_id, seq, direction, author, content, body, status, rank, created_at) VALUES ('m{conversation}.{seq}', '{home}', 'c{conversation}', '{channel}', {}, '{direction}', '{{\"kind\":\"{author}\",\"name\":\"agent\"}}', '{{}}', '', '{status}', 0, {at})", seq + 1)).await;
        }
        store.run(&format!("INSERT INTO events (workspace_id, seq, kind, conversation_id, at, data) VALUES ('{home}', {}, 'agent.handed_over', 'c{conversation}', {}, '{{}}')", 1_000 + conversation, begins + i64::try_from(conversation).unwrap() * 25 * HOUR)).await;
        let closed = begins + i64::try_from(conversation).unwrap() * 25 * HOUR;
        store.run(&format!("INSERT INTO events (workspace_id, seq, kind, conversation_id, at, data) VALUES ('{home}', {}, 'conversation.closed', 'c{conversation}', {closed}, '{{\"opened_at\":{}}}')", 2_000 + conversation, closed - MINUTE * i64::try_from(conversation + 1).unwrap())).await;
        store.run(&format!("INSERT INTO leads (id, workspace_id, agent_id, conversation_id, source, status, created_at, updated_at) VALUES ('l{conversation}', '{home}', '{agent}', NULL, 'api', 'new', {begins}, 0)")).await;
    }
    (other.id, other_agent.id)
}

async fn summed(
    store: &TestStore,
    home: &str,
    days: &[DaySpan],
    by: Option<Grouping>,
    filter: AnalyticsFilter,
) -> Summed {
    let ends = days.last().unwrap().ends;
    let mut sums = Sums::new(days.len(), by, ends);
    store.analytics(home, days, &filter, |place, fact| sums.add(place, &fact)).await.unwrap();
    sums.summed()
}

/// Opened, ended, by agents, taken over, unanswered, handed over; received, by agents, by people, by programs,
/// delivered, read, failed; first responses and resolutions: count and median; leads.
fn told(figures: &Figures) -> ([i64; 6], [i64; 7], [Option<i64>; 4], i64) {
    let (of, said) = (&figures.conversations, &figures.messages);
    (
        [of.opened, of.ended, of.answered_by_agent, of.taken_over, of.unanswered, of.handed_over],
        [
            said.received,
            said.sent_by_agents,
            said.sent_by_people,
            said.sent_by_programs,
            said.delivered,
            said.read,
            said.failed,
        ],
        [
            Some(figures.first_response.count),
            figures.first_response.median_ms,
            Some(figures.resolution.count),
            figures.resolution.median_ms,
        ],
        figures.leads_captured,
    )
}

on_both_databases! {
    async fn known_rows_come_to_known_figures(store: TestStore) {
        // The clocks go forward in this night: the second day has 23 hours.
        let here = Standpoint::new("Europe/Berlin", store.clock().now());
        let days = days(&here, "2026-03-28".parse().unwrap(), "2026-03-30".parse().unwrap()).unwrap();
        let (other, bob) = furnish(&store, days[0].begins).await;
        let home = store.workspace.id.clone();
        let all = summed(&store, &home, &days, None, AnalyticsFilter::default()).await;
        let none = [Some(0), None, Some(0), None];
        let expected = [
            ([1, 1, 0, 1, 0, 1], [1, 2, 1, 2, 2, 1, 1], [Some(1), Some(MINUTE), Some(1), Some(2 * HOUR)], 3),
            ([1, 1, 1, 0, 0, 1], [2, 1, 0, 0, 1, 1, 0], [Some(1), Some(2_000), Some(1), Some(HOUR)], 0),
            ([1, 0, 0, 0, 1, 1], [1, 0, 0, 0, 0, 0, 0], none, 0),
        ];
        assert_eq!(all.series.iter().map(told).collect::<Vec<_>>(), expected);
        let total = ([3, 2, 1, 1, 1, 3], [4, 3, 1, 2, 3, 2, 1], [Some(2), Some(2_000), Some(2), Some(HOUR)], 3);
        assert_eq!(told(&all.totals), total);
        assert_eq!((all.totals.conversations.containment, all.groups.len()), (Some(0.5), 0));
        assert_eq!(all.series.iter().map(|day| day.conversations.closed).collect::<Vec<_>>(), [1, 1, 1]);
        let open = all.totals.open_time;
        assert_eq!((open.count, open.median_ms, open.p90_ms), (3, Some(2 * MINUTE), Some(3 * MINUTE)));

        let by_channel = summed(&store, &home, &days, Some(Grouping::Channel), AnalyticsFilter::default()).await;
        let opened = |key: Option<&str>| by_channel.groups[&key.map(str::to_owned)].conversations.opened;
        assert_eq!((opened(Some(&store.channel.id)), opened(Some(&other)), opened(None)), (2, 1, 0));
        assert_eq!(by_channel.groups[&None].leads_captured, 3, "these leads came through no channel");
        let by_agent = summed(&store, &home, &days, Some(Grouping::Agent), AnalyticsFilter::default()).await;
        assert_eq!(by_agent.groups[&Some(bob.clone())].leads_captured, 1);

        let only = |channel_id: Option<&str>, agent_id: Option<&str>| AnalyticsFilter {
            channel_id: channel_id.map(str::to_owned), agent_id: agent_id.map(str::to_owned),
        };
        for filter in [only(Some(&other), None), only(None, Some(&bob))] {
            let few = summed(&store, &home, &days, None, filter).await.totals;
            assert_eq!((few.conversations.opened, few.conversations.handed_over, few.conversations.closed, few.messages.sent_by_programs), (1, 1, 1, 1));
        }
        // On the first day alone the same exchanges have the same times, and what follows is not counted.
        let first = summed(&store, &home, &days[..1], None, AnalyticsFilter::default()).await;
        assert_eq!(told(&first.totals), expected[0]);
        let stranger = workspace(&store, "stranger").await;
        let nothing = summed(&store, &stranger.id, &days, Some(Grouping::Agent), AnalyticsFilter::default()).await;
        assert_eq!((nothing.totals, nothing.groups.len()), (Figures::default(), 0));
    }

    async fn a_day_of_quiet_ends_an_exchange_to_the_millisecond(store: TestStore) {
        let here = Standpoint::new("UTC", store.clock().now());
        let days = days(&here, "2026-03-01".parse().unwrap(), "2026-03-05".parse().unwrap()).unwrap();
        for (conversation, gap) in [(0, QUIET_MS - 1), (1, QUIET_MS)] {
            let home = &store.workspace.id;
            let (channel, phone) = (&store.channel.id, conversation);
            store.run(&format!("INSERT INTO contacts (id, workspace_id, created_at, updated_at) VALUES ('p{phone}', '{home}', 0, 0)")).await;
            store.run(&format!("INSERT INTO conversations (id, workspace_id, channel_id, kind, contact_id, owner, version, last_seq, answered_seq, created_at, last_message_at) VALUES ('c{phone}', '{home}', '{channel}', 'whatsapp', 'p{phone}', '{{\"kind\":\"nobody\"}}', 1, 2, 0, 0, 0)")).await;
            for (seq, at) in [(1, days[1].begins), (2, days[1].begins + gap)] {
                store.run(&format!("INSERT INTO messages (id, workspace_id, conversation_id, channel_id, seq, direction, author, content, body, status, rank, created_at) VALUES ('m{phone}.{seq}', '{home}', 'c{phone}', '{channel}', {seq}, 'inbound', '{{\"kind\":\"contact\"}}', '{{}}', '', 'received', 0, {at})")).await;
            }
        }
        let all = summed(&store, &store.workspace.id, &days, None, AnalyticsFilter::default()).await;
        let opened: Vec<i64> = all.series.iter().map(|day| day.conversations.opened).collect();
        assert_eq!(opened, [0, 2, 1, 0, 0]);
    }
}
