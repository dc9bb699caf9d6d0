//! The texts of shapes.

use es_runtime::schema::{Layout, Member, Node};

const LINE: Node = Node::Struct(&[
    Member {
        name: "sku",
        node: Node::Scalar("str"),
    },
    Member {
        name: "qty",
        node: Node::Option(&Node::Scalar("u32")),
    },
]);
const ORDER: Node = Node::Struct(&[
    Member {
        name: "total",
        node: Node::Unit(&Node::Scalar("i64"), "cents"),
    },
    Member {
        name: "lines",
        node: Node::Seq(&LINE),
    },
    Member {
        name: "kind",
        node: Node::Enum(&[
            Member {
                name: "Web",
                node: Node::Nothing,
            },
            Member {
                name: "Shop",
                node: Node::Tuple(&[Node::Scalar("u8"), Node::Scalar("str")]),
            },
            Member {
                name: "Mail",
                node: Node::Scalar("str"),
            },
            Member {
                name: "Fax",
                node: LINE,
            },
        ]),
    },
    Member {
        name: "by",
        node: Node::Map(&Node::Scalar("str"), &Node::Again("Order")),
    },
]);

#[test]
fn a_shape_has_one_text_for_each_layout() {
    assert_eq!(
        ORDER.render(Layout::ByName),
        "{by:{str=>^Order},kind:<Fax{qty:u32?,sku:str}|Mail(str)|Shop(u8,str)|Web>,\
         lines:[{qty:u32?,sku:str}],total:i64@cents}"
    );
    assert_eq!(
        ORDER.render(Layout::ByOrder),
        "{total:i64@cents,lines:[{sku:str,qty:u32?}],\
         kind:<Web|Shop(u8,str)|Mail(str)|Fax{sku:str,qty:u32?}>,by:{str=>^Order}}"
    );
}

#[test]
fn a_name_cannot_pass_for_structure() {
    let odd = Node::Struct(&[Member {
        name: "a:str,\"b\n",
        node: Node::Again("Tree"),
    }]);
    assert_eq!(odd.render(Layout::ByName), r#"{"a:str,\"b\n":^Tree}"#);
}

#[test]
fn any_number_of_members_is_sorted() {
    const NAMES: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.$/";
    for count in [0, 1, 2, 63, 64, 65, NAMES.len()] {
        let names = (0..count).map(|index| &NAMES[index..=index]);
        let members = names.clone().map(|name| Member {
            name,
            node: Node::Scalar("u8"),
        });
        let members: &'static [Member] = members.collect::<Vec<_>>().leak();
        let mut sorted: Vec<_> = names.map(|name| format!("{name}:u8")).collect();
        sorted.sort();
        assert_eq!(
            Node::Struct(members).render(Layout::ByName),
            format!("{{{}}}", sorted.join(","))
        );
    }
}

#[test]
fn a_text_is_compared_without_being_written() {
    for layout in [Layout::ByName, Layout::ByOrder] {
        let text = ORDER.render(layout);
        assert!(ORDER.has_text(layout, text.as_bytes()));
        for cut in 0..text.len() {
            assert!(!ORDER.has_text(layout, &text.as_bytes()[..cut]));
        }
        assert!(!ORDER.has_text(layout, text.replace("u32", "u64").as_bytes()));
        assert!(!ORDER.has_text(layout, format!("{text} ").as_bytes()));
    }
}

#[test]
fn the_compiler_writes_the_same_text() {
    const LEN: usize = ORDER.len(Layout::ByName);
    const TEXT: [u8; LEN] = {
        let mut text = [0; LEN];
        ORDER.write(Layout::ByName, &mut text, 0);
        text
    };
    assert_eq!(ORDER.render(Layout::ByName).as_bytes(), TEXT);
}
