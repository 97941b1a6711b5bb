//! Who may talk to whom: `inspect` asks, `effect` does, and nothing else touches a server.
//! Never follows types, only words: a door is a name that other rooms may not write.

use super::files::File;
use super::none;

/// A word, the rooms that may write it, and what the others should do instead.
struct Door {
    words: &'static [&'static str],
    rooms: &'static [&'static str],
    advice: &'static str,
}

const DOORS: &[Door] = &[
    Door {
        words: &["tokio_postgres::", "postgres_protocol::"],
        rooms: &[
            "src/postgres/",
            "src/inspect/",
            "src/fingerprint/",
            "src/measure.rs",
            "src/snapshot.rs",
            "src/ends.rs",
            "src/effect/",
        ],
        advice: "only inspect asks and only effect acts: move the conversation there",
    },
    Door {
        words: &["batch_execute(", ".execute(", ".copy_in(", ".copy_out("],
        rooms: &[
            "src/postgres/",
            "src/effect/",
            "src/fingerprint/take.rs",
            "src/inspect/",
            "src/measure.rs",
            "src/snapshot.rs",
        ],
        advice: "make it an Effect, so that it is planned, printed and journalled",
    },
    Door {
        words: &["rustls::", "tokio_postgres_rustls"],
        rooms: &["src/postgres/"],
        advice: "TLS is the business of src/postgres alone",
    },
    Door {
        words: &["Command::new(", "process::Command"],
        rooms: &[
            "src/embedded/program.rs",
            "src/effect/child.rs",
            // It has to outlive us.
            "src/keeper.rs",
            "src/spec/command.rs",
            "src/inspect/tools.rs",
        ],
        advice: "start programs through effect/child.rs or embedded/program.rs, which keep secrets \
                 out of them and end them with us",
    },
    Door {
        words: &["print!(", "println!(", "std::io::stdout", "anstream::"],
        // A keeper answers the process that started it, not people.
        rooms: &["src/cli/", "src/report/", "src/keeper.rs"],
        advice: "return it: cli prints what report makes",
    },
    Door {
        words: &["std::process::exit"],
        rooms: &["src/cli/"],
        advice: "return an Error with its Exit",
    },
];

/// Rooms that compute: the same answer for the same facts, at once.
const PURE: &[&str] = &[
    "src/phases/",
    "src/preflight/",
    "src/plan.rs",
    "src/estimate/",
    "src/resolve.rs",
    "src/selection/",
    "src/database_settings.rs",
    "src/outcome.rs",
    "src/history.rs",
    "src/resume.rs",
];

/// What a room that computes has no use for.
const IMPURE: &[&str] = &[
    "async ",
    ".await",
    "tokio",
    "Timestamp::now",
    "Instant::now",
    "SystemTime",
    "std::env::var",
    "std::fs",
    "RandomState",
    "HashMap",
];

#[test]
fn every_room_is_entered_by_its_door() {
    let mut findings = Vec::new();
    for file in File::all(&["src/"], "rs") {
        let own = |door: &&Door| door.rooms.iter().any(|room| file.path.starts_with(room));
        let others: Vec<&Door> = DOORS.iter().filter(|door| !own(door)).collect();
        for (number, line) in file.code() {
            let broken = others.iter().filter(|door| named(line, door.words));
            findings.extend(broken.map(|door| file.finding(number, door.advice)));
        }
    }
    none(&findings);
}

#[test]
fn what_plans_neither_waits_nor_looks_around() {
    let advice = "the plan is a pure function of file and facts: put it into the facts, or into an \
                  effect";
    let mut findings = Vec::new();
    for file in File::all(PURE, "rs") {
        let broken = file.code().filter(|(_, line)| named(line, IMPURE));
        findings.extend(broken.map(|(number, _)| file.finding(number, advice)));
    }
    none(&findings);
}

#[test]
fn the_report_touches_no_server() {
    let words = [
        "postgres::",
        "inspect::built",
        "inspect::source",
        "connect(",
        "async ",
        "Conninfo",
    ];
    let mut findings = Vec::new();
    for file in File::all(&["src/report/"], "rs") {
        let broken = file.code().filter(|(_, line)| named(line, &words));
        let advice = "report shows what it is given: ask in inspect, and hand the answer in";
        findings.extend(broken.map(|(number, _)| file.finding(number, advice)));
    }
    none(&findings);
}

fn named(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| line.contains(word))
}
