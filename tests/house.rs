//! The house rules as failing tests: floors, purity, sizes, shape, map, ledger, freshness and pairs. Each rule is a
//! function over files, so that its own tests can show it a bad sample; here every rule meets the real house.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "all of it is test code, where a panic is how a finding is told"
)]

#[path = "house/floors.rs"]
mod floors;
#[path = "house/freshness.rs"]
mod freshness;
#[path = "house/ledger.rs"]
mod ledger;
#[path = "house/map.rs"]
mod map;
#[path = "house/pairs.rs"]
mod pairs;
#[path = "house/purity.rs"]
mod purity;
#[path = "house/shape.rs"]
mod shape;
#[path = "house/sizes.rs"]
mod sizes;
#[path = "house/source.rs"]
mod source;

use source::House;

/// Whether the binary writes the OpenAPI document, the error table and the configuration reference. While it does
/// not, none of them may lie in `docs/`, where nothing would keep them true.
const GENERATED: bool = true;

/// Fails with one line for each breach, so that one run shows all there is to mend.
#[track_caller]
fn hold(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}: {} breaches\n  {}", breaches.len(), breaches.join("\n  "));
}

#[test]
fn imports_go_strictly_downward() {
    let house = House::read();
    let kinds = shape::kinds(house.paths());
    assert!(!kinds.is_empty(), "no channel was found, so none could be guarded");
    hold("floors", &floors::check(&house.rust_under(&["src/"]), &kinds));
}

#[test]
fn one_room_owns_each_outside_thing() {
    hold("owners", &floors::check_owners(&House::read().rust_under(&["src/"])));
}

#[test]
fn channels_and_domain_are_pure() {
    let house = House::read();
    hold("async, clock and I/O", &purity::check(&house.rust_under(&["channels/src/", "src/domain/", "src/domain.rs"])));
    hold(
        "dependencies of channels",
        &purity::check_dependencies(house.text("channels/Cargo.toml"), &purity::OF_CHANNELS),
    );
    hold("dependencies of simulator", &purity::check_stranger(house.text("simulator/Cargo.toml")));
}

#[test]
fn files_and_functions_stay_small() {
    let house = House::read();
    hold("sizes", &sizes::check(&house.rust_under(&["src/", "channels/src/", "simulator/src/", "bench/src/"])));
}

#[test]
fn every_channel_has_its_shape() {
    hold("shape", &shape::check(House::read().paths()));
}

#[test]
fn the_map_names_exactly_the_rooms_that_exist() {
    let house = House::read();
    hold("map", &map::check(house.paths(), house.text("ARCHITECTURE.md"), house.text("src/lib.rs")));
}

#[test]
fn every_file_says_what_it_is_for() {
    hold("opening lines", &map::check_openings(&House::read().rust_under(&[""])));
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    hold("names", &map::check_names(House::read().paths()));
}

#[test]
fn sql_lives_in_the_store() {
    hold("SQL", &map::check_sql(&House::read().rust_under(&["src/"])));
}

#[test]
fn every_operation_stands_in_the_ledger() {
    let house = House::read();
    let (document, ledger) = (house.text("docs/openapi.json"), house.text("tests/ledger.toml"));
    if GENERATED {
        hold("ledger", &ledger::check(document, ledger, |path| house.find(path)));
    } else {
        assert!(document.is_empty() && ledger.is_empty(), "set GENERATED: there are operations to keep account of");
    }
}

#[test]
fn generated_documents_are_fresh() {
    let house = House::read();
    for (path, command) in freshness::DOCUMENTS {
        if GENERATED {
            let made = freshness::generate(env!("CARGO_BIN_EXE_switchboard"), command);
            hold("freshness", &freshness::compare(path, command, house.text(path), &made));
        } else {
            assert_eq!(house.text(path), "", "set GENERATED: {path} must equal what `{command}` prints");
        }
    }
}

#[test]
fn migrations_come_in_pairs() {
    let house = House::read();
    let store_speaks_sql = house.rust_under(&["src/store"]).iter().any(|source| source.text.contains("sqlx"));
    if store_speaks_sql || house.paths().any(|path| path.starts_with("migrations/")) {
        hold("migrations", &pairs::check_migrations(house.paths()));
    }
}

#[test]
fn store_tests_run_on_both_databases() {
    hold("store tests", &pairs::check_store_tests(&House::read().rust_under(&["tests/it/store/"])));
}
