//! Situations in which other event stores have failed, as their public reports tell, and the question of tenants.

use crate::places::store_in;
use es_decisions::{Decide, Decision, DecisionError, Decisions, Emitted, Fold};
use es_postgres::PostgresStore;
use es_runtime::{
    Aggregate, AnyStore, Append, AppendError, Apply, Event, EventStore, Events, ExecuteError,
    ExpectedVersion, Handle, NewEvent, Repository, StreamId, Tag,
};
use es_tests::places::Place;
use serde::{Deserialize, Serialize};
use std::{convert::Infallible, fmt};

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("room")]
struct RoomId(String);

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("person")]
struct PersonId(String);

/// It has the one tag only.
#[derive(Event, Serialize, Deserialize)]
#[event("room.built")]
struct RoomBuilt {
    #[tag]
    room: RoomId,
}

/// It has the other tag only.
#[derive(Event, Serialize, Deserialize)]
#[event("person.hired")]
struct PersonHired {
    #[tag]
    person: PersonId,
}

#[derive(Event, Serialize, Deserialize)]
#[event("room.booked", home = room)]
struct RoomBooked {
    #[tag]
    room: RoomId,
    #[tag]
    person: PersonId,
}

/// Tagged like the others, and no fold lists it.
#[derive(Event, Serialize, Deserialize)]
#[event("room.cleaned")]
struct RoomCleaned {
    #[tag]
    room: RoomId,
}

#[derive(Fold, Clone, Default)]
#[fold("bookings", by(RoomId), events(RoomBuilt, RoomBooked))]
struct Bookings {
    is_built: bool,
    booked: u32,
}

impl Apply<RoomBuilt> for Bookings {
    fn apply(&mut self, _: &RoomBuilt) {
        self.is_built = true;
    }
}

impl Apply<RoomBooked> for Bookings {
    fn apply(&mut self, _: &RoomBooked) {
        self.booked += 1;
    }
}

#[derive(Fold, Clone, Default)]
#[fold("calendar", by(PersonId), events(PersonHired, RoomBooked))]
struct Calendar {
    is_hired: bool,
    booked: u32,
}

impl Apply<PersonHired> for Calendar {
    fn apply(&mut self, _: &PersonHired) {
        self.is_hired = true;
    }
}

impl Apply<RoomBooked> for Calendar {
    fn apply(&mut self, _: &RoomBooked) {
        self.booked += 1;
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum BookError {
    #[error("there is no such room")]
    NoRoom,
    #[error("there is no such person")]
    Nobody,
}

#[derive(Decision)]
#[decision("room.book", error = BookError, emits(RoomBooked),
    reads(bookings: Bookings(room), calendar: Calendar(person)))]
struct Book {
    room: RoomId,
    person: PersonId,
}

impl Decide for Book {
    fn decide(&self, read: &BookReads) -> Result<Emitted<Self>, BookError> {
        if !read.bookings.is_built {
            return Err(BookError::NoRoom);
        }
        if !read.calendar.is_hired {
            return Err(BookError::Nobody);
        }
        let (room, person) = (self.room.clone(), self.person.clone());
        Ok(Emitted::new().event(RoomBooked { room, person }))
    }
}

/// What only writes.
#[derive(Decision)]
#[decision("room.prepare", error = Infallible, emits(RoomBuilt, PersonHired, blind(RoomCleaned)),
    reads(bookings: Bookings(room), calendar: Calendar(person)))]
struct Prepare {
    room: RoomId,
    person: PersonId,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Build,
    Hire,
    Clean,
}

impl Decide for Prepare {
    fn decide(&self, _: &PrepareReads) -> Result<Emitted<Self>, Infallible> {
        let (room, person) = (self.room.clone(), self.person.clone());
        Ok(match self.what {
            What::Build => Emitted::new().event(RoomBuilt { room }),
            What::Hire => Emitted::new().event(PersonHired { person }),
            What::Clean => Emitted::new().event(RoomCleaned { room }),
        })
    }
}

fn book(room: &str, person: &str) -> Book {
    Book {
        room: RoomId(room.to_owned()),
        person: PersonId(person.to_owned()),
    }
}

async fn prepare(decisions: &Decisions, room: &str, person: &str, what: What) {
    let Book { room, person } = book(room, person);
    let prepare = Prepare { room, person, what };
    decisions.execute(prepare).await.expect("stored");
}

/// polecat#123: a decision read events of two kinds of tags, of which each event had one, and found none: the tags were joined. And an
/// event for a stream that was there already was stored as its first one, and refused.
async fn events_with_one_tag_each_are_read_by_both(store: AnyStore) {
    let decisions = Decisions::new(store);
    let booked = decisions.execute(book("r1", "p1")).await;
    assert!(matches!(
        booked,
        Err(DecisionError::Rejected(BookError::NoRoom))
    ));
    prepare(&decisions, "r1", "p1", What::Build).await;
    let booked = decisions.execute(book("r1", "p1")).await;
    assert!(matches!(
        booked,
        Err(DecisionError::Rejected(BookError::Nobody))
    ));
    prepare(&decisions, "r1", "p1", What::Hire).await;
    // The stream `room/r1` has an event.
    for number in 1..=3 {
        let booked = decisions.execute(book("r1", "p1")).await.expect("booked");
        let read = booked.reads;
        assert_eq!(
            (read.bookings.booked, read.calendar.booked),
            (number, number)
        );
    }
}

/// occurrent#279: a read of tagged events returned events that were written to streams without tags, because their type and position
/// fitted. Here a fold gets neither an event of another name with its tag, nor one of its name with another tag, and its decision meets
/// no conflict with them.
async fn what_a_fold_does_not_list_does_not_reach_it(store: AnyStore) {
    let decisions = Decisions::new(store.clone());
    prepare(&decisions, "r1", "p1", What::Build).await;
    prepare(&decisions, "r1", "p1", What::Hire).await;
    prepare(&decisions, "r1", "p1", What::Clean).await;
    prepare(&decisions, "r2", "p2", What::Build).await;
    let plain = NewEvent::json("note.written", 1, r#"{"room":"r1","person":"p1"}"#);
    let stream = StreamId::new("room", "r1").expect("a stream");
    let plain = Append::new(stream.clone(), ExpectedVersion::Any).with_event(plain);
    store.append(plain).await.expect("stored");
    let booked = decisions.execute(book("r1", "p1")).await.expect("booked");
    assert_eq!(
        (booked.reads.bookings.booked, booked.reads.calendar.booked),
        (1, 1)
    );
    // One of its own names without tags is refused, and not stored where nobody finds it.
    let untagged = NewEvent::json("room.booked", 1, r#"{"room":"r1","person":"p1"}"#);
    let untagged = Append::new(stream, ExpectedVersion::Any).with_event(untagged);
    let refused = store.append(untagged).await;
    assert!(
        matches!(refused, Err(AppendError::TagKindUnknown { .. })),
        "{refused:?}"
    );
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("invitation.sent")]
struct Sent {
    #[unique("invitation.email")]
    email: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("invitation.email_changed")]
struct AddressChanged {
    #[unique("invitation.email")]
    email: String,
}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("invitation.failed", releases("invitation.email"))]
struct Failed {}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("invitation.revoked", releases("invitation.email"))]
struct Revoked {}

#[derive(Event, Serialize, Deserialize, Clone)]
#[event("invitation.accepted", releases("invitation.email"))]
struct Accepted {}

#[derive(Aggregate, Clone, Default)]
#[aggregate("invitation", id = String, error = Infallible)]
#[aggregate(events(ignore(Sent, AddressChanged, Failed, Revoked, Accepted)))]
struct Invitation {}

#[derive(Clone)]
struct Say(InvitationEvent);

impl Handle<Say> for Invitation {
    fn handle(&self, Say(event): Say) -> Result<Events<Self>, Infallible> {
        Ok(event.into())
    }
}

fn is_taken<T: fmt::Debug>(answer: &Result<T, ExecuteError<Infallible>>) -> bool {
    matches!(answer, Err(ExecuteError::Append(AppendError::Taken { .. })))
}

/// Cratis/Chronicle#3697: of several events that release a value only the one that was declared last did.
async fn each_event_that_releases_a_value_does(store: AnyStore) {
    let invitations: Repository<Invitation> = Repository::new(store.clone());
    let say = async |id: String, event| invitations.execute(id, Say(event)).await;
    let sent = || {
        let email = "ada@example.com".to_owned();
        InvitationEvent::from(Sent { email })
    };
    let ends: [InvitationEvent; 3] = [Failed {}.into(), Revoked {}.into(), Accepted {}.into()];
    for (number, end) in ends.into_iter().enumerate() {
        let id = number.to_string();
        say(id.clone(), sent()).await.expect("it is free");
        assert!(is_taken(&say("late".to_owned(), sent()).await), "{number}");
        say(id, end).await.expect("released");
    }
    say("late".to_owned(), sent()).await.expect("it is free");
}

/// slashdotdash/conduit#33: accounts were registered with addresses of their own, and then changed to one address.
async fn a_change_to_one_address_at_once_has_one_winner(store: AnyStore) {
    let invitations: Repository<Invitation> = Repository::new(store.clone());
    for number in 0..16 {
        let email = format!("{number}@example.com");
        let sent = Say(Sent { email }.into());
        invitations
            .execute(number.to_string(), sent)
            .await
            .expect("it is free");
    }
    let racers: Vec<_> = (0..16)
        .map(|number| {
            let invitations = invitations.clone();
            es_tests::spawn(async move {
                let email = "one@example.com".to_owned();
                let changed = Say(AddressChanged { email }.into());
                invitations.execute(number.to_string(), changed).await
            })
        })
        .collect();
    let mut won = Vec::new();
    for (number, racer) in racers.into_iter().enumerate() {
        let answer = racer.await.expect("no panic");
        match answer {
            Ok(_) => won.push(number),
            refused => assert!(is_taken(&refused), "{refused:?}"),
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    // The winner's address is free, and those of the others are not.
    for number in 0..16 {
        let email = format!("{number}@example.com");
        let holder = store.unique_holder("invitation.email", &email).await;
        let is_free = holder.expect("read").is_none();
        assert_eq!(is_free, won.contains(&number), "{number}");
    }
}

/// A value of a tag that has the tenant in it.
#[derive(Clone, Serialize, Deserialize)]
struct InTenant {
    tenant: String,
    id: String,
}

impl fmt::Display for InTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, id } = self;
        write!(f, "{tenant}/{id}")
    }
}

#[derive(Tag, Clone, Serialize, Deserialize)]
#[tag("desk")]
struct DeskId(InTenant);

#[derive(Event, Serialize, Deserialize)]
#[event("desk.taken")]
struct DeskTaken {
    #[tag]
    desk: DeskId,
}

#[derive(Fold, Clone, Default)]
#[fold("desk", by(DeskId), events(DeskTaken))]
struct Desk {
    taken: u32,
}

impl Apply<DeskTaken> for Desk {
    fn apply(&mut self, _: &DeskTaken) {
        self.taken += 1;
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the desk is taken")]
struct IsTaken;

#[derive(Decision)]
#[decision("desk.take", error = IsTaken, emits(DeskTaken), reads(desk: Desk(desk)))]
struct Take {
    desk: DeskId,
}

impl Decide for Take {
    fn decide(&self, read: &TakeReads) -> Result<Emitted<Self>, IsTaken> {
        if read.desk.taken > 0 {
            return Err(IsTaken);
        }
        let desk = self.desk.clone();
        Ok(Emitted::new().event(DeskTaken { desk }))
    }
}

fn take(tenant: &str, id: &str) -> Take {
    let (tenant, id) = (tenant.to_owned(), id.to_owned());
    Take {
        desk: DeskId(InTenant { tenant, id }),
    }
}

/// Marten#5234: two tenants with one tag met each other.
async fn a_tag_with_its_tenant_is_another_one(store: AnyStore) {
    let decisions = Decisions::new(store);
    for tenant in ["acme", "apex"] {
        decisions
            .execute(take(tenant, "1"))
            .await
            .expect("it is free");
        let again = decisions.execute(take(tenant, "1")).await;
        assert!(matches!(again, Err(DecisionError::Rejected(IsTaken))));
    }
}

/// Tags and unique values of one store, and nothing of them in the other.
async fn tenants_do_not_meet(stores: [AnyStore; 2]) {
    for store in stores {
        let decisions = Decisions::new(store.clone());
        decisions
            .execute(take("any", "1"))
            .await
            .expect("it is free");
        let invitations: Repository<Invitation> = Repository::new(store);
        let email = "ada@example.com".to_owned();
        let sent = invitations.execute("1".to_owned(), Say(Sent { email }.into()));
        sent.await.expect("it is free");
    }
}

#[tokio::test]
async fn tenants_with_files_of_their_own_do_not_meet() {
    let places = [Place::sqlite(), Place::sqlite()];
    tenants_do_not_meet([store_in(&places[0]).await, store_in(&places[1]).await]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(postgres),
    ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
)]
async fn tenants_with_schemas_of_their_own_do_not_meet() {
    let database = es_tests::server::database();
    let open = async |schema: &str| {
        let options = PostgresStore::options(&database.url()).expect("an address");
        let options = options.schema(schema).expect("a name");
        AnyStore::new(options.open().await.expect("opens"))
    };
    tenants_do_not_meet([open("acme").await, open("apex").await]).await;
}

on_each!(
    events_with_one_tag_each_are_read_by_both,
    what_a_fold_does_not_list_does_not_reach_it,
    each_event_that_releases_a_value_does,
    a_change_to_one_address_at_once_has_one_winner,
    a_tag_with_its_tenant_is_another_one,
);

on_jetstream!(
    events_with_one_tag_each_are_read_by_both,
    what_a_fold_does_not_list_does_not_reach_it,
    a_tag_with_its_tenant_is_another_one,
);
