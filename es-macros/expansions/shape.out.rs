///Version 1 of [`Item`], as it is still stored.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    private_interfaces,
    clippy::struct_excessive_bools,
    clippy::struct_field_names
)]
pub struct ItemV1 {
    pub sku: String,
    pub size: Size,
    pub parts: Vec<Item>,
}
#[automatically_derived]
impl<'__es> ::es_runtime::__private::Deserialize<'__es> for ItemV1 {
    fn deserialize<__EsD: ::es_runtime::__private::Deserializer<'__es>>(
        from: __EsD,
    ) -> ::core::result::Result<Self, __EsD::Error> {
        ::es_runtime::__private::deserialize(from)
    }
}
#[automatically_derived]
impl ::es_runtime::__private::Fields for ItemV1 {
    const NAME: &'static ::core::primitive::str = "ItemV1";
    const FIELDS: &'static [&'static ::core::primitive::str] = &["sku", "size", "parts"];
    fn read<'__es, __EsS: ::es_runtime::__private::Source<'__es>>(
        source: &mut __EsS,
    ) -> ::core::option::Option<Self> {
        let mut field_0: ::core::option::Option<String> = ::core::option::Option::None;
        let mut field_1: ::core::option::Option<Size> = ::core::option::Option::None;
        let mut field_2: ::core::option::Option<Vec<Item>> = ::core::option::Option::None;
        while let ::core::option::Option::Some(index) = source.index() {
            match index {
                0 => source.value(&mut field_0),
                1 => source.value(&mut field_1),
                _ => source.value(&mut field_2),
            }
        }
        ::core::option::Option::Some(Self {
            sku: field_0?,
            size: field_1?,
            parts: field_2?,
        })
    }
}
#[automatically_derived]
impl ::core::convert::From<ItemV1> for Item {
    fn from(old: ItemV1) -> Self {
        Self {
            item_sku: old.sku,
            size: old.size,
            parts: old.parts,
        }
    }
}
#[automatically_derived]
impl ::es_runtime::schema::Shape for ItemV1 {
    const SHAPE: ::es_runtime::schema::Node = ::es_runtime::schema::Node::Struct(
        &[
            ::es_runtime::schema::Member {
                name: "sku",
                node: <String as ::es_runtime::schema::Shape>::SHAPE,
            },
            ::es_runtime::schema::Member {
                name: "size",
                node: ::es_runtime::schema::Node::Scalar("u8"),
            },
            ::es_runtime::schema::Member {
                name: "parts",
                node: ::es_runtime::schema::Node::Seq(
                    &::es_runtime::schema::Node::Again("Item"),
                ),
            },
        ],
    );
}
#[automatically_derived]
impl ::es_runtime::schema::Shape for Item {
    const SHAPE: ::es_runtime::schema::Node = ::es_runtime::schema::Node::Unit(
        &::es_runtime::schema::Node::Struct(
            &[
                ::es_runtime::schema::Member {
                    name: "itemSku",
                    node: <String as ::es_runtime::schema::Shape>::SHAPE,
                },
                ::es_runtime::schema::Member {
                    name: "size",
                    node: ::es_runtime::schema::Node::Scalar("u8"),
                },
                ::es_runtime::schema::Member {
                    name: "parts",
                    node: ::es_runtime::schema::Node::Seq(
                        &::es_runtime::schema::Node::Again("Item"),
                    ),
                },
            ],
        ),
        "items",
    );
}
