#[tag("invoices")]
struct Invoices;
