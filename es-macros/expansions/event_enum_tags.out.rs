#[automatically_derived]
impl ::es_runtime::EventSet for CourseEvent {
    const TYPES: &'static [::es_runtime::EventType] = &[
        ::es_runtime::EventType {
            name: "course.defined",
            version: 1u16,
        },
        ::es_runtime::EventType {
            name: "course.noted",
            version: 1u16,
        },
        ::es_runtime::EventType {
            name: "course.closed",
            version: 1u16,
        },
    ];
    const TAG_KINDS: &'static [(
        &'static ::core::primitive::str,
        &'static [&'static ::core::primitive::str],
    )] = &[
        (
            "course.defined",
            &[
                <CourseId as ::es_runtime::Tag>::KIND,
                <Courses as ::es_runtime::Tag>::KIND,
            ],
        ),
        ("course.closed", &[<Courses as ::es_runtime::Tag>::KIND]),
    ];
    fn event_type(&self) -> ::es_runtime::EventType {
        match self {
            CourseEvent::Defined { .. } => {
                ::es_runtime::EventType {
                    name: "course.defined",
                    version: 1u16,
                }
            }
            CourseEvent::Noted { .. } => {
                ::es_runtime::EventType {
                    name: "course.noted",
                    version: 1u16,
                }
            }
            CourseEvent::Closed { .. } => {
                ::es_runtime::EventType {
                    name: "course.closed",
                    version: 1u16,
                }
            }
        }
    }
    fn encode(
        &self,
        codec: ::es_runtime::Codec,
    ) -> ::core::result::Result<
        ::es_runtime::__private::Bytes,
        ::es_runtime::CodecError,
    > {
        <CourseEvent as ::es_runtime::__private::Payload>::to_fields(self, codec)
    }
    fn decode(
        name: &::core::primitive::str,
        stored: ::es_runtime::StoredPayload<'_>,
    ) -> ::core::result::Result<::es_runtime::Decoded<Self>, ::es_runtime::DecodeError> {
        match name {
            "course.defined" => {
                <CourseEvent as ::es_runtime::__private::Payload>::from_fields(
                    0u32,
                    "course.defined",
                    1u16,
                    stored,
                )
            }
            "course.noted" => {
                <CourseEvent as ::es_runtime::__private::Payload>::from_fields(
                    1u32,
                    "course.noted",
                    1u16,
                    stored,
                )
            }
            "course.closed" => {
                <CourseEvent as ::es_runtime::__private::Payload>::from_fields(
                    2u32,
                    "course.closed",
                    1u16,
                    stored,
                )
            }
            _ => {
                ::core::result::Result::Err(
                    ::es_runtime::DecodeError::unknown_event(name, stored),
                )
            }
        }
    }
    fn tags(&self) -> ::std::vec::Vec<::es_runtime::EventTag> {
        match self {
            CourseEvent::Defined { course: value_0, .. } => {
                ::std::vec![
                    { let mut tag = ::es_runtime::EventTag::new(< CourseId as
                    ::es_runtime::Tag > ::KIND); tag = ::es_runtime::EventTag::with(tag,
                    < CourseId as ::es_runtime::Tag > ::value(value_0)); tag }, { let mut
                    tag = ::es_runtime::EventTag::new(< Courses as ::es_runtime::Tag >
                    ::KIND); tag = ::es_runtime::EventTag::with(tag, < Courses as
                    ::es_runtime::Tag > ::value(& Courses)); tag }
                ]
            }
            CourseEvent::Closed { .. } => {
                ::std::vec![
                    { let mut tag = ::es_runtime::EventTag::new(< Courses as
                    ::es_runtime::Tag > ::KIND); tag = ::es_runtime::EventTag::with(tag,
                    < Courses as ::es_runtime::Tag > ::value(& Courses)); tag }
                ]
            }
            _ => ::std::vec::Vec::new(),
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for CourseEvent
where
    for<'__es> CourseId: ::es_runtime::schema::Shape,
    for<'__es> String: ::es_runtime::schema::Shape,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: "course.defined",
            shapes: &[
                ::es_runtime::schema::Node::Struct(
                    &[
                        ::es_runtime::schema::Member {
                            name: "course",
                            node: <CourseId as ::es_runtime::schema::Shape>::SHAPE,
                        },
                    ],
                ),
            ],
        },
        ::es_runtime::schema::EventShape {
            name: "course.noted",
            shapes: &[
                ::es_runtime::schema::Node::Struct(
                    &[
                        ::es_runtime::schema::Member {
                            name: "note",
                            node: <String as ::es_runtime::schema::Shape>::SHAPE,
                        },
                    ],
                ),
            ],
        },
        ::es_runtime::schema::EventShape {
            name: "course.closed",
            shapes: &[::es_runtime::schema::Node::Struct(&[])],
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
