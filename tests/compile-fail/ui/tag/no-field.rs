use es_runtime::Tag;

#[derive(Tag)]
#[tag("invoices")]
struct Invoices {}

fn main() {}
