//! Whatever controllers do, in whatever order: one final frame, nothing after it, nothing lost before it.

use proptest::prelude::*;

use super::*;

/// What one controller does, in its own order.
#[derive(Clone, Debug)]
enum Script {
    Answers,
    Fails,
    Says,
    StreamsThenEnds(usize),
    StreamsThenFails(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    More(&'static str),
    Final(&'static str),
    Done,
}

fn script() -> impl Strategy<Value = Script> {
    prop_oneof![
        Just(Script::Answers),
        Just(Script::Fails),
        Just(Script::Says),
        (0..4_usize).prop_map(Script::StreamsThenEnds),
        (0..4_usize).prop_map(Script::StreamsThenFails),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Answer,
    Item,
    Fail,
    End,
}

fn steps(script: &Script) -> Vec<Step> {
    match script {
        Script::Answers => vec![Step::Answer, Step::End],
        Script::Fails => vec![Step::Fail, Step::End],
        Script::Says => vec![Step::End],
        Script::StreamsThenEnds(n) => [vec![Step::Item; *n], vec![Step::End]].concat(),
        Script::StreamsThenFails(n) => [vec![Step::Item; *n], vec![Step::Fail, Step::End]].concat(),
    }
}

fn answer() -> Word {
    Word::Answer {
        name: Some(Text::from("a")),
        payload: None,
    }
}

fn record(seen: &mut Vec<Seen>) -> impl FnMut(Saying) + '_ {
    |saying| {
        seen.push(match saying {
            Saying::Word(word, end) => {
                let what = match word {
                    Word::Answer { .. } => "answer",
                    Word::Failed(_) => "error",
                };
                match end {
                    End::More => Seen::More(what),
                    End::Final(_) => Seen::Final(what),
                }
            }
            Saying::Done(_) => Seen::Done,
        });
    }
}

proptest! {
    #[test]
    fn exactly_one_final_frame_comes_last(
        scripts in prop::collection::vec((script(), any::<bool>()), 1..6),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 64),
        cancel_at in prop::option::of(0..12_usize),
    ) {
        let mut seen = Vec::new();
        let mut settlement = Settlement::begin(scripts.len() as u32);
        let mut words = 0;
        let mut apply = |settlement: &mut Settlement, step: Step, seen: &mut Vec<Seen>| {
            let mut say = record(seen);
            match step {
                Step::Answer => words += usize::from(settlement.word(answer(), &mut say)),
                Step::Item => {
                    words += usize::from(settlement.word(answer(), &mut say));
                    settlement.goes_on(&mut say);
                }
                Step::Fail => words += usize::from(settlement.word(Word::Failed(Error::new("e", "")), &mut say)),
                Step::End => {
                    settlement.ended(&mut say);
                }
            }
        };
        for (script, is_inline) in &scripts {
            if *is_inline {
                for step in steps(script) {
                    apply(&mut settlement, step, &mut seen);
                }
            }
        }
        settlement.end_inline(&mut record(&mut seen));
        let mut open: Vec<_> = scripts
            .iter()
            .filter(|(_, is_inline)| !is_inline)
            .map(|(script, _)| steps(script).into_iter().collect::<std::collections::VecDeque<_>>())
            .collect();
        let mut was_cancelled = false;
        for (at, pick) in picks.iter().enumerate() {
            if cancel_at == Some(at) {
                was_cancelled = settlement.close(Error::new("cancelled", ""), &mut record(&mut seen));
            }
            open.retain(|steps| !steps.is_empty());
            if open.is_empty() {
                break;
            }
            let at = pick.index(open.len());
            if let Some(step) = open[at].pop_front() {
                apply(&mut settlement, step, &mut seen);
            }
        }
        let finals = seen.iter().filter(|seen| !matches!(seen, Seen::More(_))).count();
        prop_assert_eq!(finals, 1, "{:?}", seen);
        prop_assert!(!matches!(seen.last(), Some(Seen::More(_))), "{:?}", seen);
        let said = seen.iter().filter(|seen| **seen != Seen::Done).count();
        prop_assert_eq!(said, words + usize::from(was_cancelled), "every word is said once: {:?}", seen);
    }
}

#[test]
fn answers_at_once_need_no_extra_frame() {
    let mut seen = Vec::new();
    let mut settlement = Settlement::begin(2);
    settlement.word(answer(), &mut record(&mut seen));
    settlement.ended(&mut record(&mut seen));
    settlement.ended(&mut record(&mut seen));
    assert_eq!(seen, []);
    settlement.end_inline(&mut record(&mut seen));
    assert_eq!(seen, [Seen::Final("answer")]);
}

#[test]
fn an_answer_does_not_wait_for_a_slow_controller() {
    let mut seen = Vec::new();
    let mut settlement = Settlement::begin(2);
    settlement.word(answer(), &mut record(&mut seen));
    settlement.ended(&mut record(&mut seen));
    settlement.end_inline(&mut record(&mut seen));
    assert_eq!(seen, [Seen::More("answer")]);
    settlement.ended(&mut record(&mut seen));
    assert_eq!(seen, [Seen::More("answer"), Seen::Done]);
}

#[test]
fn what_comes_after_the_end_is_late() {
    let mut seen = Vec::new();
    let mut settlement = Settlement::begin(1);
    settlement.end_inline(&mut record(&mut seen));
    assert!(settlement.close(Error::new("cancelled", ""), &mut record(&mut seen)));
    assert!(!settlement.word(answer(), &mut record(&mut seen)));
    assert!(!settlement.ended(&mut record(&mut seen)));
    assert!(!settlement.close(Error::new("again", ""), &mut record(&mut seen)));
    assert_eq!(seen, [Seen::Final("error")]);
}
