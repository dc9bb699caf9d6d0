///What [`Transfer`] reads.
pub struct TransferReads {
    ///The state [`Account`](type@Account) of `from`.
    pub from: <Account as ::es_decisions::Readable>::Read,
    ///The state [`Account`](type@bank::Account) of `type`.
    pub to: <bank::Account as ::es_decisions::Readable>::Read,
}
#[automatically_derived]
impl ::core::fmt::Debug for TransferReads
where
    for<'__es> Account: ::core::fmt::Debug,
    for<'__es> bank::Account: ::core::fmt::Debug,
{
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::debug_struct(f, "TransferReads")
            .field("from", &self.from)
            .field("to", &self.to)
            .finish()
    }
}
#[automatically_derived]
impl ::es_decisions::Reads for TransferReads {
    fn each(&mut self) -> ::std::vec::Vec<&mut dyn ::es_decisions::ReadSource> {
        ::std::vec![& mut self.from, & mut self.to]
    }
}
#[automatically_derived]
impl ::es_decisions::Decision for Transfer {
    const NAME: &'static ::core::primitive::str = "transfer";
    type Error = AccountError;
    type Reads = TransferReads;
    fn reads(&self) -> TransferReads {
        TransferReads {
            from: <Account as ::es_decisions::Readable>::read(&self.from),
            to: <bank::Account as ::es_decisions::Readable>::read(&self.r#type),
        }
    }
}
