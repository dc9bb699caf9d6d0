//! Positions as text.

use es_runtime::{InvalidPosition, Position};

#[test]
fn text_and_order_agree() {
    let sorted = [[0, 0, 0], [0, 0, 9], [0, 1, 0], [0, 1, 10], [2, 0, 1]];
    for pair in sorted.windows(2) {
        assert!(Position::from_parts(pair[0]) < Position::from_parts(pair[1]));
    }
    for parts in sorted {
        let position = Position::from_parts(parts);
        assert_eq!(position.to_string().parse(), Ok(position));
        let json = serde_json::to_string(&position).expect("writes");
        assert_eq!(
            serde_json::from_str::<Position>(&json).expect("reads"),
            position
        );
    }
    for bad in ["", ".", "1.", "1.2.3.4", "-1", "+1", "18446744073709551616"] {
        assert_eq!(bad.parse::<Position>(), Err(InvalidPosition), "{bad:?}");
    }
}
