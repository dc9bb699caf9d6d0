///What [`Transfer`] reads.
pub struct TransferReads {
    ///The aggregate [`Account`](type@Account) with the id in `from`.
    pub from: ::es_decisions::Read<Account>,
    ///The aggregate [`Account`](type@bank::Account) with the id in `type`.
    pub to: ::es_decisions::Read<bank::Account>,
}
#[automatically_derived]
impl ::core::fmt::Debug for TransferReads
where
    for<'__es> ::es_decisions::Read<Account>: ::core::fmt::Debug,
    for<'__es> ::es_decisions::Read<bank::Account>: ::core::fmt::Debug,
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
            from: ::es_decisions::Read::<Account>::of(&self.from),
            to: ::es_decisions::Read::<bank::Account>::of(&self.r#type),
        }
    }
}
