#[tag("seat")]
struct Seat {
    number: u32,
}
