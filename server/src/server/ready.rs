//! Who is told that a server listens.

use std::fmt;

use super::Running;

pub(super) struct Ready(Box<dyn FnOnce(&Running) + Send + Sync>);

impl Ready {
    pub(super) fn new(tell: impl FnOnce(&Running) + Send + Sync + 'static) -> Self {
        Self(Box::new(tell))
    }

    pub(super) fn tell(self, running: &Running) {
        (self.0)(running);
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}
