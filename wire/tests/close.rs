//! After which close codes a client comes back; the browser's client has the same table.

use switchboard_wire::CloseCode;

#[test]
fn the_code_alone_says_whether_to_come_back() {
    for code in [1001, 1006, 1011, 1012, 1013, 4000, 4001, 4002, 4003, 4499] {
        assert!(CloseCode::new(code).should_reconnect(), "{code}");
    }
    for code in [
        1000, 1002, 1003, 1004, 1005, 1007, 1008, 1009, 1010, 1014, 1015, 3000, 3999, 4500, 4501, 4502, 4999, 5000,
    ] {
        assert!(!CloseCode::new(code).should_reconnect(), "{code}");
    }
}
