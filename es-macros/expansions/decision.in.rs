#[decision("transfer", error = AccountError)]
#[decision(reads(from: Account(from), to: bank::Account(r#type)))]
pub struct Transfer {
    from: String,
    r#type: String,
    cents: u64,
}
