#[automatically_derived]
impl ::es_runtime::Event for Registered {
    const NAME: &'static ::core::primitive::str = "customer.registered";
    const VERSION: ::core::primitive::u16 = 2u16;
    const UNIQUE_RULES: &'static [&'static ::core::primitive::str] = &[
        "customer.email",
        "customer.domain",
        "customer.phone",
        "customer.alias",
    ];
    fn to_payload(
        &self,
        codec: ::es_runtime::Codec,
    ) -> ::core::result::Result<
        ::es_runtime::__private::Bytes,
        ::es_runtime::CodecError,
    > {
        <Registered as ::es_runtime::__private::Payload>::to_payload(self, codec)
    }
    fn from_payload(
        stored: ::es_runtime::StoredPayload<'_>,
    ) -> ::core::result::Result<Self, ::es_runtime::DecodeError> {
        match stored.schema_version {
            1 => {
                ::es_runtime::__private::older::<RegisteredV1>(stored)
                    .map(<Registered as ::core::convert::From<RegisteredV1>>::from)
                    .map(::core::convert::identity)
            }
            _ => {
                <Registered as ::es_runtime::__private::Payload>::from_payload(
                    "customer.registered",
                    2u16,
                    stored,
                )
            }
        }
    }
    fn unique(&self) -> ::std::vec::Vec<::es_runtime::UniqueChange> {
        let Self { email: value_0, phone: value_1, .. } = self;
        ::std::vec![
            { let text : ::es_runtime::__private::String = normal(value_0);
            ::es_runtime::UniqueChange::claim("customer.email", text) }, { let text :
            ::es_runtime::__private::String = Self::domain(value_0);
            ::es_runtime::UniqueChange::claim("customer.domain", text) },
            ::es_runtime::UniqueChange::keeping(match value_1 {
            ::core::option::Option::Some(value) => { let text :
            ::es_runtime::__private::String = < Phone as ::std::string::ToString >
            ::to_string(value); ::es_runtime::UniqueChange::claim("customer.phone", text)
            }, ::core::option::Option::None =>
            ::es_runtime::UniqueChange::unchanged("customer.phone"), },
            ::core::time::Duration::from_millis(200u64)),
            ::es_runtime::UniqueChange::keeping(::es_runtime::UniqueChange::release("customer.alias"),
            ::core::time::Duration::from_millis(259200000u64))
        ]
    }
}
///Version 1 of [`Registered`], as it is still stored.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    private_interfaces,
    clippy::struct_excessive_bools,
    clippy::struct_field_names
)]
struct RegisteredV1 {
    email: String,
    name: String,
}
#[automatically_derived]
impl<'__es> ::es_runtime::__private::Deserialize<'__es> for RegisteredV1 {
    fn deserialize<__EsD: ::es_runtime::__private::Deserializer<'__es>>(
        from: __EsD,
    ) -> ::core::result::Result<Self, __EsD::Error> {
        ::es_runtime::__private::deserialize(from)
    }
}
#[automatically_derived]
impl ::es_runtime::__private::Fields for RegisteredV1 {
    const NAME: &'static ::core::primitive::str = "RegisteredV1";
    const FIELDS: &'static [&'static ::core::primitive::str] = &["email", "name"];
    fn read<'__es, __EsS: ::es_runtime::__private::Source<'__es>>(
        source: &mut __EsS,
    ) -> ::core::option::Option<Self> {
        let mut field_0: ::core::option::Option<String> = ::core::option::Option::None;
        let mut field_1: ::core::option::Option<String> = ::core::option::Option::None;
        while let ::core::option::Option::Some(index) = source.index() {
            match index {
                0 => source.value(&mut field_0),
                _ => source.value(&mut field_1),
            }
        }
        ::core::option::Option::Some(Self {
            email: field_0?,
            name: field_1?,
        })
    }
}
impl ::es_runtime::__private::Version for RegisteredV1 {
    const EVENT: &'static ::core::primitive::str = "customer.registered";
    const NUMBER: ::core::primitive::u16 = 1u16;
}
#[automatically_derived]
impl ::core::convert::From<RegisteredV1> for Registered {
    fn from(old: RegisteredV1) -> Self {
        Self {
            email: old.email,
            phone: ::core::option::Option::None,
            name: old.name,
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::EventShapes for Registered
where
    for<'__es> String: ::es_runtime::schema::Shape,
    for<'__es> Option<Phone>: ::es_runtime::schema::Shape,
{
    const SHAPES: &'static [::es_runtime::schema::Node] = &[
        ::es_runtime::schema::Node::Struct(
            &[
                ::es_runtime::schema::Member {
                    name: "email",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "name",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
            ],
        ),
        ::es_runtime::schema::Node::Struct(
            &[
                ::es_runtime::schema::Member {
                    name: "email",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "phone",
                    node: <Option<Phone> as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "name",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
            ],
        ),
    ];
}
#[automatically_derived]
impl ::es_runtime::schema::SetShapes for Registered
where
    for<'__es> String: ::es_runtime::schema::Shape,
    for<'__es> Option<Phone>: ::es_runtime::schema::Shape,
{
    const EVENTS: &'static [::es_runtime::schema::EventShape] = &[
        ::es_runtime::schema::EventShape {
            name: "customer.registered",
            shapes: <Self as ::es_runtime::schema::EventShapes>::SHAPES,
        },
    ];
    const RETIRED: &'static [::es_runtime::schema::Retired] = &[];
}
