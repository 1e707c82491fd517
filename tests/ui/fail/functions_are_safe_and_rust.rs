use switchboard::prelude::*;

#[silent("a")]
unsafe fn not_safe() {}

#[silent("b")]
extern "C" fn not_rust() {}

fn main() {}
