//! The engine of `UmaDB` without its server: the thread that writes is the one that the server starts.
//!
//! The server talks gRPC, and needs `protoc` when it is built. So it is left out, and with it the way over the network.

#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use bench_common::{COURSES, SEATS, School, Tried, decisions, runtime};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc, thread};
use tokio::sync::{mpsc, oneshot, watch};
use umadb_core::{
    db::UmaDb,
    mvcc::{Mvcc, StorageOptions},
    writer_thread_blocking::writer_thread_blocking,
    writer_thread_request::WriterThreadRequest,
};
use umadb_dcb::{
    DcbAppendCondition, DcbError, DcbEvent, DcbEventStoreSync, DcbQuery, DcbQueryItem,
};

const TYPE: &str = "student.subscribed";
/// As its server has it.
const BATCH: usize = 2_048;

#[derive(Serialize, Deserialize)]
struct Subscribed {
    student: String,
    course: String,
}

#[derive(Clone)]
struct Uma {
    mvcc: Arc<Mvcc>,
    write: mpsc::Sender<WriterThreadRequest>,
}

impl Uma {
    fn open(folder: &Path) -> Self {
        let options = StorageOptions::default().db_path(folder.join("uma.db"));
        let mvcc = Arc::new(Mvcc::new(false, options).unwrap());
        let (write, requests) = mpsc::channel(1_024);
        let writes = Arc::clone(&mvcc);
        thread::spawn(move || {
            let (head, _heads) = watch::channel(None);
            writer_thread_blocking(writes, requests, head, BATCH);
        });
        Self { mvcc, write }
    }
}

impl School for Uma {
    async fn subscribe(&self, student: String, course: String) -> Tried {
        let tags = [format!("course:{course}"), format!("student:{student}")];
        let of = |tag: &String| DcbQueryItem::new().types([TYPE]).tags([tag]);
        let query = DcbQuery::new().items(tags.iter().map(of));
        let (read, mvcc) = (query.clone(), Arc::clone(&self.mvcc));
        // It reads files, so it must not stand in the way of the others.
        let read = tokio::task::spawn_blocking(move || {
            UmaDb::from_arc(mvcc).read_with_head(Some(read), None, false, None)
        });
        let (events, head) = read.await.unwrap().unwrap();
        let (mut taken, mut courses) = (0, 0);
        for event in &events {
            let read: Subscribed = serde_json::from_slice(&event.event.data).unwrap();
            taken += u64::from(read.course == course);
            courses += u64::from(read.student == student);
        }
        if taken >= SEATS || courses >= COURSES {
            return Tried::Full;
        }
        let data = serde_json::to_vec(&Subscribed { student, course }).unwrap();
        let event = DcbEvent::new().event_type(TYPE).data(data).tags(tags);
        let (response_tx, answer) = oneshot::channel();
        let append = WriterThreadRequest::Append {
            events: vec![event],
            condition: Some(DcbAppendCondition::new(query).after(head)),
            tracking_info: None,
            response_tx,
            cancel: None,
        };
        assert!(self.write.send(append).await.is_ok());
        match answer.await.unwrap() {
            Ok(_) => Tried::Subscribed,
            Err(DcbError::IntegrityError(_)) => Tried::Conflict,
            Err(wrong) => panic!("{wrong}"),
        }
    }
}

fn main() {
    let arguments = bench_common::Arguments::read();
    let mut report = arguments.report("umadb");
    runtime().block_on(async {
        match &*arguments.group {
            "file-decisions" => {
                let school = Uma::open(&arguments.folder);
                decisions(&mut report, "file-decisions", &school).await;
            }
            other => panic!("no group {other}"),
        }
    });
}
