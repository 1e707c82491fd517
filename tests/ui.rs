//! What the macros accept, and what they say about the rest.
//!
//! `cargo xtask bless` writes the `.stderr` files anew; read the difference before you keep it.

#[test]
fn the_macros_say_what_is_wrong_and_what_to_do() {
    let tests = trybuild::TestCases::new();
    tests.pass("tests/ui/pass/*.rs");
    tests.compile_fail("tests/ui/fail/*.rs");
}
