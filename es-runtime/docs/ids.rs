# futures_executor::block_on(async {
let doors: Repository<Door> = Repository::new(AnyStore::new(MemoryStore::new()));
for id in [3, 1, 2] {
    doors.execute(id, Open).await?;
}
let page = doors.ids(None, 2).await?;
assert_eq!(page, [1, 2]);
assert_eq!(doors.ids(page.last(), 2).await?, [3]);

assert!(doors.exists(3).await? && !doors.exists(4).await?);
let loaded = doors.load_many(page).await?;
assert!(loaded.iter().all(|door| door.state.open));
# Ok::<(), Box<dyn std::error::Error>>(())
# }).unwrap();
