//! What can be told of a line that was skipped. Anaconda writes the uid behind the source of a whole file, so both ends are
//! looked at.

use super::read::Call;
use crate::cut::{uid_at_end, valid_end, valid_start, value_at_end};
use crate::{Text, Ticket};

pub(super) fn read(prefix: &[u8], suffix: &[u8]) -> (Option<Text>, Ticket) {
    let mut call = Call::default();
    // It ends in a fault wherever it was cut; what was read by then counts.
    let _ = call.read(&Text::from(valid_start(prefix)), usize::from(u8::MAX) / 2);
    let end = valid_end(suffix);
    if call.uid.is_none() {
        call.uid = uid_at_end(end);
    }
    if call.vid.is_none() {
        call.vid = value_at_end(end, "vid").map(Text::from);
    }
    call.into_known()
}
