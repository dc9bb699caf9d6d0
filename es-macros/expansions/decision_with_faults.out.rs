#[doc(hidden)]
pub type __EsTransfer = [(); ::core::compile_error! {
    "decision `Transfer` has no error type\nhelp: add `error = TransferError` to `#[decision(..)]`; use `std::convert::Infallible` if it is never rejected"
}];
///What [`Transfer`] reads.
pub struct TransferReads {
    ///The state [`Account`](type@Account) of `from`.
    pub from: <Account as ::es_decisions::Readable>::Read,
}
#[automatically_derived]
impl ::core::fmt::Debug for TransferReads
where
    for<'__es> Account: ::core::fmt::Debug,
{
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::debug_struct(f, "TransferReads")
            .field("from", &self.from)
            .finish()
    }
}
#[automatically_derived]
impl ::es_decisions::Reads for TransferReads {
    fn each(&mut self) -> ::std::vec::Vec<&mut dyn ::es_decisions::ReadSource> {
        ::std::vec![& mut self.from]
    }
}
#[automatically_derived]
impl ::es_decisions::Decision for Transfer {
    const NAME: &'static ::core::primitive::str = "transfer";
    type Error = __EsTransfer;
    type Reads = TransferReads;
    fn reads(&self) -> TransferReads {
        ::core::unreachable!()
    }
}
#[automatically_derived]
impl<__EsE> ::es_decisions::Emits<__EsE> for Transfer {}
