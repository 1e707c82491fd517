use switchboard::prelude::*;

/// Documented.
#[silent("double")]
#[inline]
#[must_use]
const fn double(Payload(n): Payload<u8>) -> u8 {
    n * 2
}

const FOUR: u8 = double(Payload(2));

#[silent("r#raw")]
fn r#type() -> u8 {
    FOUR
}

#[allow(dead_code)]
async fn unit_test() {
    #[silent("inside")]
    async fn inside() -> u8 {
        double(Payload(3))
    }
    assert_eq!(inside().await, r#type() + 2);
    let _ = routes! { "elsewhere" => (inside, r#type) };
}

// A controller's names are not those of the adapter.
#[silent("names")]
fn request(answer: Payload<u8>, value: Payload<u8>, argument0: Payload<u8>) -> u8 {
    answer.0 + value.0 + argument0.0
}

fn main() {}
