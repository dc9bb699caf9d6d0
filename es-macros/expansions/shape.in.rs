#[shape(version = 2, unit = "items")]
#[serde(rename_all = "camelCase")]
pub struct Item {
    #[shape(was(name = "sku", before = 2))]
    pub item_sku: String,
    #[shape(as = "u8")]
    pub size: Size,
    pub parts: Vec<Item>,
}
