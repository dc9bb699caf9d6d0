use es_decisions::Fold;
use es_runtime::{Apply, Event, Tag};
use serde::{Deserialize, Serialize};

#[derive(Tag)]
#[tag("invoices")]
struct Invoices;

#[derive(Event, Serialize, Deserialize)]
#[event("invoice.issued", tag(Invoices))]
struct InvoiceIssued {
    number: u64,
}

#[derive(Fold, Clone, Default)]
#[fold("last_invoice", by(Invoices), last, events(InvoiceIssued), last)]
struct LastInvoice {
    number: u64,
}

impl Apply<InvoiceIssued> for LastInvoice {
    fn apply(&mut self, event: &InvoiceIssued) {
        self.number = event.number;
    }
}

fn main() {}
