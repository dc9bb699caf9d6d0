#[automatically_derived]
impl ::es_runtime::Event for Subscribed {
    const NAME: &'static ::core::primitive::str = "student.subscribed";
    const VERSION: ::core::primitive::u16 = 2u16;
    const TAG_KINDS: &'static [&'static ::core::primitive::str] = &[
        <CourseId as ::es_runtime::Tag>::KIND,
        <StudentId as ::es_runtime::Tag>::KIND,
        <Room as ::es_runtime::Tag>::KIND,
        <Subscriptions as ::es_runtime::Tag>::KIND,
    ];
    const HOME: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
        <CourseId as ::es_runtime::Tag>::KIND,
    );
    fn to_payload(
        &self,
        codec: ::es_runtime::Codec,
    ) -> ::core::result::Result<
        ::es_runtime::__private::Bytes,
        ::es_runtime::CodecError,
    > {
        <Subscribed as ::es_runtime::__private::Payload>::to_payload(self, codec)
    }
    fn from_payload(
        stored: ::es_runtime::StoredPayload<'_>,
    ) -> ::core::result::Result<Self, ::es_runtime::DecodeError> {
        match stored.schema_version {
            1 => {
                ::es_runtime::__private::older::<SubscribedV1>(stored)
                    .map(<Subscribed as ::core::convert::From<SubscribedV1>>::from)
                    .map(::core::convert::identity)
            }
            _ => {
                <Subscribed as ::es_runtime::__private::Payload>::from_payload(
                    "student.subscribed",
                    2u16,
                    stored,
                )
            }
        }
    }
    fn tags(&self) -> ::std::vec::Vec<::es_runtime::EventTag> {
        let Self {
            course: value_0,
            student: value_1,
            room: value_2,
            helpers: value_3,
            ..
        } = self;
        ::std::vec![
            { let mut tag = ::es_runtime::EventTag::new(< CourseId as ::es_runtime::Tag >
            ::KIND); tag = ::es_runtime::EventTag::with(tag, < CourseId as
            ::es_runtime::Tag > ::value(value_0)); tag }, { let mut tag =
            ::es_runtime::EventTag::new(< StudentId as ::es_runtime::Tag > ::KIND); tag =
            ::es_runtime::EventTag::with(tag, < StudentId as ::es_runtime::Tag >
            ::value(value_1)); for value in
            ::core::iter::IntoIterator::into_iter(value_3) { tag =
            ::es_runtime::EventTag::with(tag, < StudentId as ::es_runtime::Tag >
            ::value(value)); } tag }, { let mut tag = ::es_runtime::EventTag::new(< Room
            as ::es_runtime::Tag > ::KIND); for value in
            ::core::iter::IntoIterator::into_iter(value_2) { tag =
            ::es_runtime::EventTag::with(tag, < Room as ::es_runtime::Tag > ::value(& <
            Room as ::core::convert::From < String >> ::from(< String as
            ::core::clone::Clone > ::clone(value),))); } tag }, { let mut tag =
            ::es_runtime::EventTag::new(< Subscriptions as ::es_runtime::Tag > ::KIND);
            tag = ::es_runtime::EventTag::with(tag, < Subscriptions as ::es_runtime::Tag
            > ::value(& Subscriptions)); tag }
        ]
    }
}
///Version 1 of [`Subscribed`], as it is still stored.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    private_interfaces,
    clippy::struct_excessive_bools,
    clippy::struct_field_names
)]
struct SubscribedV1 {
    student: StudentId,
    course: CourseId,
    helpers: Vec<StudentId>,
    note: String,
}
#[automatically_derived]
impl<'__es> ::es_runtime::__private::Deserialize<'__es> for SubscribedV1 {
    fn deserialize<__EsD: ::es_runtime::__private::Deserializer<'__es>>(
        from: __EsD,
    ) -> ::core::result::Result<Self, __EsD::Error> {
        ::es_runtime::__private::deserialize(from)
    }
}
#[automatically_derived]
impl ::es_runtime::__private::Fields for SubscribedV1 {
    const NAME: &'static ::core::primitive::str = "SubscribedV1";
    const FIELDS: &'static [&'static ::core::primitive::str] = &[
        "student",
        "course",
        "helpers",
        "note",
    ];
    fn read<'__es, __EsS: ::es_runtime::__private::Source<'__es>>(
        source: &mut __EsS,
    ) -> ::core::option::Option<Self> {
        let mut field_0: ::core::option::Option<StudentId> = ::core::option::Option::None;
        let mut field_1: ::core::option::Option<CourseId> = ::core::option::Option::None;
        let mut field_2: ::core::option::Option<Vec<StudentId>> = ::core::option::Option::None;
        let mut field_3: ::core::option::Option<String> = ::core::option::Option::None;
        while let ::core::option::Option::Some(index) = source.index() {
            match index {
                0 => source.value(&mut field_0),
                1 => source.value(&mut field_1),
                2 => source.value(&mut field_2),
                _ => source.value(&mut field_3),
            }
        }
        ::core::option::Option::Some(Self {
            student: field_0?,
            course: field_1?,
            helpers: field_2?,
            note: field_3?,
        })
    }
}
impl ::es_runtime::__private::Version for SubscribedV1 {
    const EVENT: &'static ::core::primitive::str = "student.subscribed";
    const NUMBER: ::core::primitive::u16 = 1u16;
}
#[automatically_derived]
impl ::core::convert::From<SubscribedV1> for Subscribed {
    fn from(old: SubscribedV1) -> Self {
        Self {
            student: old.student,
            course: old.course,
            room: ::core::option::Option::None,
            helpers: old.helpers,
            note: old.note,
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::EventShapes for Subscribed
where
    for<'__es> StudentId: ::es_runtime::schema::Shape,
    for<'__es> CourseId: ::es_runtime::schema::Shape,
    for<'__es> Vec<StudentId>: ::es_runtime::schema::Shape,
    for<'__es> String: ::es_runtime::schema::Shape,
    for<'__es> Option<String>: ::es_runtime::schema::Shape,
{
    const SHAPES: &'static [::es_runtime::schema::Node] = &[
        ::es_runtime::schema::Node::Struct(
            &[
                ::es_runtime::schema::Member {
                    name: "student",
                    node: <StudentId as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "course",
                    node: <CourseId as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "helpers",
                    node: <Vec<StudentId> as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "note",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
            ],
        ),
        ::es_runtime::schema::Node::Struct(
            &[
                ::es_runtime::schema::Member {
                    name: "student",
                    node: <StudentId as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "course",
                    node: <CourseId as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "room",
                    node: <Option<String> as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "helpers",
                    node: <Vec<StudentId> as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "note",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
            ],
        ),
    ];
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for Subscribed
where
    for<'__es> StudentId: ::es_runtime::schema::Shape,
    for<'__es> CourseId: ::es_runtime::schema::Shape,
    for<'__es> Vec<StudentId>: ::es_runtime::schema::Shape,
    for<'__es> String: ::es_runtime::schema::Shape,
    for<'__es> Option<String>: ::es_runtime::schema::Shape,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: "student.subscribed",
            shapes: <Self as ::es_runtime::schema::EventShapes>::SHAPES,
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
