//! Patterns, and which of them match a name.
//!
//! A message carries a *name*, `rooms/lobby/say`. A *pattern* says which names a route takes, and comes in two spellings
//! that are never guessed from its characters:
//!
//! - a path ([`Pattern::path`]): segments between `/`, each a literal, `<name>` or `<converter:name>`;
//! - a regular expression ([`Pattern::regex`]): in the syntax of the `regex` crate, always anchored at both ends, with
//!   named groups only.
//!
//! | in a path | takes |
//! |---|---|
//! | `rooms` | that segment; names are case-sensitive and never normalised |
//! | `<room>`, `<str:room>` | one segment |
//! | `<int:n>` | an optional `-` and ASCII digits, within an `i64` |
//! | `<slug:s>` | ASCII letters, digits, `-` and `_` |
//! | `<uuid:id>` | hexadecimal digits in either case, grouped 8-4-4-4-12 |
//! | `<path:rest>` | one or more segments; the last thing in a pattern |
//!
//! A value that does not convert is no match. Text beside a parameter in its segment is refused: that is what regular
//! expressions are for.
//!
//! # Overlap
//!
//! **All patterns that match are found.** There is no precedence, no "first wins", and no order between them. A pattern
//! may be there many times, and each of its routes is found.
//!
//! ```
//! use switchboard_router::{Pattern, Router};
//!
//! let router = Router::build([
//!     (Pattern::path("mixer/volume_up")?, 1),
//!     (Pattern::path("mixer/<command>")?, 2),
//!     (Pattern::path("<path:anything>")?, 3),
//!     (Pattern::regex("mixer/volume_(?<direction>up|down)")?, 4),
//!     (Pattern::path("mixer/<int:channel>")?, 5),
//! ])?;
//! let mut found = Vec::new();
//! router.matches("mixer/volume_up", |target, _params| found.push(*target));
//! found.sort_unstable();
//! assert_eq!(found, [1, 2, 3, 4]);
//! # Ok::<(), switchboard_router::PatternError>(())
//! ```
//!
//! # How it works
//!
//! Literal paths are in one hash table, looked up by the whole name. Which other patterns match a literal path, and what they
//! capture of it, is found out when the router is built and noted beside it, so that such a name costs this one look-up. (Where
//! more than eight do, they are not noted but found each time.) All others are in a tree of segments, which is asked for the
//! names that are no literal path:
//!
//! ```text
//! (start) ─┬─ mixer ─┬─ <str> ────────────── mixer/<command>
//!          │         ├─ <int> ────────────── mixer/<int:channel>
//!          │         └─ expressions ──────── volume_(?<direction>up|down)  (one automaton for all that are here)
//!          ├─ rooms ─── <str> ─┬─ say ────── rooms/<room>/say
//!          │                   └─ <path> ─── rooms/<room>/<path:rest>
//!          ├─ files/<path> ───────────────── files/<path:rest>             (a leaf: nothing else goes this way)
//!          └─ expressions ────────────────── .*_(?<direction>up|down)      (no literal first segment)
//! ```
//!
//! A walk goes from each node it is at to the literal child and to every parameter's child whose converter takes the
//! segment. As it is a tree, it visits a node at most once, whatever the name.
//!
//! A regular expression stands at the node of its literal first segments. Those at one node are matched together by
//! automata that read the name once and say which of them may match; one that may is then run alone, in linear time,
//! for its groups. An automaton has a bounded size: where expressions together would need a larger one, they are
//! spread over several. It is built once, before the first name, and reads one symbol a character: an ASCII character
//! itself, and of any other the first byte in UTF-8, so that classes such as `\w` with thousands of characters
//! cost it nothing. Of an expression that ends with `.*` it forgets that end. What is run for groups are steps of 16 bytes, all
//! expressions in one place and each class of characters once, because with thousands of expressions reading memory is what
//! the time goes to. There is no cache of names or of states, so names never seen before cost what others cost, and
//! memory does not grow with them.
//!
//! So the time for expressions grows with those that share their literal first segments, and not with the others.

mod beginning;
mod converter;
mod error;
mod expression;
mod index;
mod name;
mod params;
mod path;
mod pattern;
mod prefix;
mod router;
mod template;

pub use crate::{
    converter::Converter,
    error::{PatternError, PatternErrorKind},
    name::{NameError, NameErrorKind, check_name},
    params::{Param, Params},
    pattern::Pattern,
    prefix::Prefix,
    router::Router,
    template::Template,
};
