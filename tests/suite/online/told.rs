//! What an operator is told in time: which side is away, who has no password where the application
//! is to go, and how it stands. Never looks at rows.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::Signal;

use super::clerk::CLERK;
use super::small::{Small, end_of, kill};
use crate::resume::ground::signal;

#[test]
fn a_fenced_role_without_a_password_on_the_target_is_named_before_the_cutover() {
    let small = Small::new();
    let said = format!("{CLERK} has no password on the target: set one there");
    let watched = |expected: bool| {
        let ran = small.run(&["apply", "--yes", "--until", "caught-up"]);
        let words: Vec<&str> = ran.stdout.split_whitespace().collect();
        ran.must_end(0, &[]);
        assert_eq!(words.join(" ").contains(&said), expected, "{ran:?}");
    };
    watched(true);
    let password = format!("alter role {CLERK} password 'secret'");
    small.target.psql("postgres", &password);
    watched(false);
}

#[test]
fn while_it_streams_the_side_that_is_away_is_named_and_what_a_signal_does_is_said() {
    let small = Small::new();
    small.replicate();
    let said = small.events().len();
    let mut command = small.command(&["apply", "--yes"]);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let apply = piped.spawn().expect("the program is built");
    small.wait_for("\"caught_up\"", said);
    small.target.stop();
    small.wait_for("the target does not answer", said);
    assert!(!small.events()[said..].contains("the source does not answer"));
    small.target.restart();
    signal(&apply, Signal::TERM);
    let ended = end_of(apply);
    ended.must_end(143, &[]);
    let hint = "Ctrl+C now CUTS OVER; SIGTERM (kill) leaves";
    assert!(ended.stdout.contains(hint), "{ended:?}");
}

#[test]
fn status_that_is_watched_without_a_terminal_is_a_line_each_time() {
    let small = Small::new();
    small.replicate();
    let mut command = small.command(&["status", "--watch"]);
    let mut status = command.stdout(Stdio::piped()).spawn().expect("it is built");
    let out = status.stdout.take().expect("it is piped");
    let lines: Result<Vec<String>, _> = BufReader::new(out).lines().take(2).collect();
    for line in lines.expect("it writes text") {
        assert!(line.contains("online: streaming by itself"), "{line}");
        assert!(line.ends_with("of WAL kept"), "{line}");
    }
    kill(status);
}
