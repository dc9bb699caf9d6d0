fn main() {
    let _ = es_runtime::Sagas::new(es_runtime::MemoryStore::new()).with_process_manager::<u8>();
}
