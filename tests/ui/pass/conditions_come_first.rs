use switchboard::prelude::*;

#[silent("absent")]
#[cfg(any())]
fn absent(nothing: ThatExists) {}

#[cfg(any())]
#[silent("//")]
fn absent(nothing: ThatExists) {}

#[cfg_attr(all(), silent("present"))]
#[cfg_attr(all(), send_all("present"), cfg_attr(any(), send_to_mailbox("absent")))]
fn present() -> u8 {
    1
}

fn main() {}
