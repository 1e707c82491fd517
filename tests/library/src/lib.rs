//! Controllers that an application gets by linking this library, which is of the edition before.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

use switchboard::prelude::*;

/// Answers with twice the number.
#[silent("library/double")]
pub fn double(Payload(n): Payload<u32>) -> u32 {
    n * 2
}

/// Controllers that only this library sees.
mod inner {
    use switchboard::{silent, Params};

    /// Answers with the word.
    #[silent("library/echo/<word>")]
    async fn echo(Params(word): Params<String>) -> String {
        word
    }

    /// Functions have controllers too.
    pub(crate) fn around() -> usize {
        #[silent("library/inside")]
        fn inside() -> usize {
            5
        }
        inside()
    }
}

/// Calls the controller that stands in a function.
pub fn call_inside() -> usize {
    inner::around()
}
