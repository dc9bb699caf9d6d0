///What [`Subscribe`] reads.
#[allow(clippy::struct_field_names)]
pub struct SubscribeReads {
    ///The state [`Course`](type@Course) of `course`.
    pub course: <Course as ::es_decisions::Readable>::Read,
    ///The state [`Pair`](type@Pair) of `student` and `course`.
    pub pair: <Pair as ::es_decisions::Readable>::Read,
    ///The state [`LastInvoice`](type@LastInvoice).
    pub last: <LastInvoice as ::es_decisions::Readable>::Read,
}
#[automatically_derived]
impl ::core::fmt::Debug for SubscribeReads
where
    for<'__es> Course: ::core::fmt::Debug,
    for<'__es> Pair: ::core::fmt::Debug,
    for<'__es> LastInvoice: ::core::fmt::Debug,
{
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        ::core::fmt::Formatter::debug_struct(f, "SubscribeReads")
            .field("course", &self.course)
            .field("pair", &self.pair)
            .field("last", &self.last)
            .finish()
    }
}
#[automatically_derived]
impl ::es_decisions::Reads for SubscribeReads {
    fn each(&mut self) -> ::std::vec::Vec<&mut dyn ::es_decisions::ReadSource> {
        ::std::vec![& mut self.course, & mut self.pair, & mut self.last]
    }
}
#[automatically_derived]
impl ::es_decisions::Decision for Subscribe {
    const NAME: &'static ::core::primitive::str = "course.subscribe";
    type Error = SubscribeError;
    type Reads = SubscribeReads;
    fn reads(&self) -> SubscribeReads {
        SubscribeReads {
            course: <Course as ::es_decisions::Readable>::read(&self.course),
            pair: <Pair as ::es_decisions::Readable>::read((
                &self.student,
                &self.course,
            )),
            last: <LastInvoice as ::es_decisions::__private::ReadAlone>::read_alone(),
        }
    }
}
#[automatically_derived]
impl ::es_decisions::Emits<StudentSubscribed> for Subscribe {}
const _: () = {
    let event = &<StudentSubscribed as ::es_decisions::__private::EmittedEvent>::EVENT;
    ::core::assert!(
        event.home.is_some(), "{}",
        "`StudentSubscribed` has no tag with exactly one value, so it has no stream to be written to\nhelp: write `#[tag]` on the field that names the stream, or store it on an aggregate with `Emitted::on`"
    );
    ::core::assert!(
        ::es_decisions::__private::is_seen(event, & [< Course as ::es_decisions::Readable
        > ::SEES, < Pair as ::es_decisions::Readable > ::SEES, < LastInvoice as
        ::es_decisions::Readable > ::SEES]), "{}",
        "no read of `Subscribe` sees `StudentSubscribed`, so two of these decisions at once would not see each other\nhelp: read a fold that lists `StudentSubscribed` by one of its tags, or write `emits(blind(StudentSubscribed))` if no rule of the decision depends on it"
    );
};
#[automatically_derived]
impl ::es_decisions::Emits<Noted> for Subscribe {
    const BLIND: ::core::primitive::bool = true;
}
const _: () = {
    let event = &<Noted as ::es_decisions::__private::EmittedEvent>::EVENT;
    ::core::assert!(
        event.home.is_some(), "{}",
        "`Noted` has no tag with exactly one value, so it has no stream to be written to\nhelp: write `#[tag]` on the field that names the stream, or store it on an aggregate with `Emitted::on`"
    );
};
