#[automatically_derived]
impl ::es_decisions::__private::ListsEvent<StudentSubscribed> for LastChange {}
#[automatically_derived]
impl ::es_decisions::__private::ListsEvent<Closed> for LastChange {}
#[automatically_derived]
impl ::es_decisions::__private::ListsEvent<Renamed> for LastChange {}
#[automatically_derived]
impl ::es_decisions::Fold for LastChange {
    const NAME: &'static ::core::primitive::str = "last_change";
    const KINDS: &'static [&'static ::core::primitive::str] = &[
        <CourseId as ::es_decisions::__private::Tag>::KIND,
    ];
    const LAST: ::core::primitive::bool = true;
    fn events() -> ::std::vec::Vec<&'static ::core::primitive::str> {
        ::es_decisions::__private::names(
            &[
                (
                    <StudentSubscribed as ::es_decisions::__private::EventSet>::TYPES,
                    <StudentSubscribed as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
                ),
                (
                    &[
                        <Closed as ::es_decisions::__private::ListedEvent>::TYPE,
                        <Renamed as ::es_decisions::__private::ListedEvent>::TYPE,
                    ],
                    <<Course as ::es_decisions::__private::Aggregate>::Event as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
                ),
            ],
        )
    }
    fn apply_stored(
        &mut self,
        query: &::es_decisions::__private::TagQuery,
        event: &::es_decisions::__private::RecordedEvent,
    ) -> ::core::result::Result<
        ::core::primitive::bool,
        ::es_decisions::__private::DecodeError,
    > {
        let recorded = event;
        if ::es_decisions::__private::knows(
            (
                <StudentSubscribed as ::es_decisions::__private::EventSet>::TYPES,
                <StudentSubscribed as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
            ),
            &recorded.name,
        ) {
            for event in ::core::iter::Iterator::rev(
                ::core::iter::IntoIterator::into_iter(
                    ::es_decisions::__private::decoded::<
                        StudentSubscribed,
                    >(query, recorded)?,
                ),
            ) {
                if {
                    <LastChange as ::es_decisions::__private::FoldsEvent<
                        StudentSubscribed,
                    >>::fold(self, &event);
                    true
                } {
                    return ::core::result::Result::Ok(true);
                }
            }
            return ::core::result::Result::Ok(false);
        }
        if ::es_decisions::__private::knows(
            (
                &[
                    <Closed as ::es_decisions::__private::ListedEvent>::TYPE,
                    <Renamed as ::es_decisions::__private::ListedEvent>::TYPE,
                ],
                <<Course as ::es_decisions::__private::Aggregate>::Event as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
            ),
            &recorded.name,
        ) {
            for event in ::core::iter::Iterator::rev(
                ::core::iter::IntoIterator::into_iter(
                    ::es_decisions::__private::decoded::<
                        <Course as ::es_decisions::__private::Aggregate>::Event,
                    >(query, recorded)?,
                ),
            ) {
                if match <::es_decisions::__private::List>::narrow::<
                    Course,
                    Closed,
                >(event) {
                    ::core::result::Result::Ok(event) => {
                        <LastChange as ::es_decisions::__private::FoldsEvent<
                            Closed,
                        >>::fold(self, &event);
                        true
                    }
                    ::core::result::Result::Err(event) => {
                        match <::es_decisions::__private::List>::narrow::<
                            Course,
                            Renamed,
                        >(event) {
                            ::core::result::Result::Ok(event) => {
                                <LastChange as ::es_decisions::__private::FoldsEvent<
                                    Renamed,
                                >>::fold(self, &event);
                                true
                            }
                            ::core::result::Result::Err(_) => false,
                        }
                    }
                } {
                    return ::core::result::Result::Ok(true);
                }
            }
            return ::core::result::Result::Ok(false);
        }
        ::core::result::Result::Ok(false)
    }
}
#[automatically_derived]
impl ::es_decisions::Readable for LastChange {
    type Read = ::es_decisions::ReadFold<LastChange>;
    type Key<'__es> = &'__es CourseId;
    const SEES: ::es_decisions::Sees = ::es_decisions::Sees::tagged(
        <LastChange as ::es_decisions::Fold>::KINDS,
        &[
            (
                <StudentSubscribed as ::es_decisions::__private::EventSet>::TYPES,
                <StudentSubscribed as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
            ),
            (
                &[
                    <Closed as ::es_decisions::__private::ListedEvent>::TYPE,
                    <Renamed as ::es_decisions::__private::ListedEvent>::TYPE,
                ],
                <<Course as ::es_decisions::__private::Aggregate>::Event as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
            ),
        ],
    );
    fn read(key_0: Self::Key<'_>) -> Self::Read {
        let query = ::es_decisions::__private::TagQuery::of(
            key_0,
            <LastChange as ::es_decisions::Fold>::events(),
        );
        ::es_decisions::ReadFold::of(
            query,
            <Self as ::core::default::Default>::default(),
        )
    }
}
#[automatically_derived]
impl ::es_decisions::__private::ReadAlone for LastChange
where
    for<'__es> CourseId: ::es_decisions::__private::ConstantTag,
{
    fn read_alone() -> Self::Read {
        <LastChange as ::es_decisions::Readable>::read(
            &<CourseId as ::es_decisions::__private::ConstantTag>::VALUE,
        )
    }
}
const _: () = {
    use ::es_decisions::__private::assert_apart;
    const LISTED: &[::es_decisions::__private::Listed] = &[
        (
            <StudentSubscribed as ::es_decisions::__private::EventSet>::TYPES,
            <StudentSubscribed as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
        ),
        (
            &[
                <Closed as ::es_decisions::__private::ListedEvent>::TYPE,
                <Renamed as ::es_decisions::__private::ListedEvent>::TYPE,
            ],
            <<Course as ::es_decisions::__private::Aggregate>::Event as ::es_decisions::__private::EventSet>::RETIRED_NAMES,
        ),
    ];
    const ENTRIES: &[&::core::primitive::str] = &["StudentSubscribed", "Course::{..}"];
    const TEXTS: [&::core::primitive::str; 4] = [
        "`",
        "` and `",
        "` in the `events(..)` of `LastChange` both read the stored name `",
        "`, so one of them would get nothing\nhelp: give the newer event another name in its `#[event(..)]`; if one entry has the event of the other, keep one of them",
    ];
    const _: () = assert_apart(LISTED, ENTRIES, TEXTS, 1usize);
};
const _: fn() = || {
    #[allow(unused_imports)]
    use ::es_decisions::__private::{HasNone as _, HasOtherNames as _};
    (&::es_decisions::__private::PhantomData::<StudentSubscribed>).listed_alone();
};
const _: () = ::core::assert!(
    ::es_decisions::__private::all_carry(< StudentSubscribed as
    ::es_decisions::__private::EventSet > ::TYPES, < StudentSubscribed as
    ::es_decisions::__private::EventSet > ::TAG_KINDS, < CourseId as
    ::es_decisions::__private::Tag > ::KIND,), "{}",
    "`StudentSubscribed` has no tag `CourseId`, so the fold would never get one\nhelp: write `#[tag]` on a field of type `CourseId` in `StudentSubscribed`, or remove it from `events(..)`"
);
const _: () = ::core::assert!(
    ::es_decisions::__private::has(< Closed as ::es_decisions::__private::ListedEvent >
    ::TAG_KINDS.1, < CourseId as ::es_decisions::__private::Tag > ::KIND,), "{}",
    "`Closed` has no tag `CourseId`, so the fold would never get one\nhelp: write `#[tag]` on a field of type `CourseId` in `Closed`, or remove it from `events(..)`"
);
const _: () = ::core::assert!(
    ::es_decisions::__private::has(< Renamed as ::es_decisions::__private::ListedEvent >
    ::TAG_KINDS.1, < CourseId as ::es_decisions::__private::Tag > ::KIND,), "{}",
    "`Renamed` has no tag `CourseId`, so the fold would never get one\nhelp: write `#[tag]` on a field of type `CourseId` in `Renamed`, or remove it from `events(..)`"
);
