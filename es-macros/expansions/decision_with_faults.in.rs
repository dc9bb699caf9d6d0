#[decision("transfer", reads(from: Account(from)))]
pub struct Transfer {
    from: String,
}
