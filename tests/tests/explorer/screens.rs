//! The screens in a real Chromium: clicked through, by keyboard alone, and measured.

use crate::{
    bank,
    place::{Place, block_on},
    shop,
    stocked::{self, ADDRESS, CORRELATION, MARKUP, TURNED},
    verbs,
    visit::{ENTER, ESCAPE, SPACE, Visit, tab_to},
};
use es_explorer::Options;
use es_runtime::EventStore;
use serde_json::json;
use std::sync::Arc;

/// Every kind of screen, by its address.
const SCREENS: [&str; 16] = [
    "/",
    "/streams",
    "/streams?search=none",
    "/stream/cart/1",
    "/events",
    "/event/3",
    "/trace",
    "/trace/web-2",
    "/readers",
    "/parked",
    "/sagas",
    "/sagas/fulfil-order?status=parked",
    "/sagas/fulfil-order/4712",
    "/sagas/welcome/ada",
    "/catalogue",
    "/nothing",
];

/// Those that an application with types adds something to.
const TYPED: [&str; 8] = [
    "/stream/account/1",
    "/stream/account/broken",
    "/stream/account/hostile",
    "/stream/transfer-order/home",
    "/event/1",
    "/sagas/transfer/away",
    "/sagas/transfer/stuck",
    "/catalogue",
];

fn every_screen_is_clicked_through(place: &Place) {
    let visit = Visit::of(place);
    visit.is_titled("Overview");
    assert!(
        visit.text().contains("152\nevents in all"),
        "{}",
        visit.text()
    );

    visit.screen("streams");
    visit.is_titled("Streams");
    assert_eq!(visit.count("tbody tr"), 13);
    visit.browser.click("#field-search");
    visit.browser.press(&['4', '7', '1', '2', ENTER]);
    visit.is_there("location.hash.includes('search=4712') && document.querySelectorAll('tbody tr').length === 2");
    visit.follow(&["stream", "order", "4712"]);
    visit.is_titled("order/4712");
    assert_eq!(visit.count("article"), 1);
    visit.browser.click("article summary");
    visit.is_there("document.querySelector('article details').open");
    visit.browser.run("history.back()");
    visit.is_titled("Streams");
    visit.is_there("document.querySelector('#field-search').value === '4712'");

    visit.screen("streams");
    visit.is_there("document.querySelectorAll('tbody tr').length === 13");
    visit.follow(&["stream", "cart", "1"]);
    visit.is_titled("cart/1");
    assert!(visit.text().contains("Shown: 1 to 50"), "{}", visit.text());
    visit.follow(&["stream", "cart", "1"]);
    visit.is_there("document.querySelector('main').innerText.includes('Shown: 51 to 100')");
    visit.open("/stream/cart/1?last=1");
    assert!(
        visit.text().contains("Shown: 81 to 130"),
        "{}",
        visit.text()
    );
    visit.is_quiet();

    visit.screen("events");
    visit.is_titled("Events");
    assert_eq!(visit.count("tbody tr"), 50);
    visit.browser.click(".more button");
    visit.is_there("document.querySelectorAll('tbody tr').length === 100");
    visit.browser.click("#field-where");
    visit
        .browser
        .press(&"$.number > 128".chars().chain([ENTER]).collect::<Vec<_>>());
    visit.is_there("document.querySelectorAll('tbody tr').length === 2");
    visit.browser.click("tbody summary");
    visit.is_there("document.querySelector('tbody pre').innerText.includes('\"number\": 130')");
    visit.browser.click("tbody tr:nth-child(2) a");
    visit.is_titled("cart.filled v1");
    visit.browser.click("nav.pages a:last-child");
    visit.is_there("location.hash === '#/event/151'");

    visit.screen("trace");
    visit.is_titled("Trace");
    visit.browser.click("#field-correlation");
    visit.browser.press(&['w', 'e', 'b', '-', '2', ENTER]);
    visit.is_there("document.querySelectorAll('svg.tree a').length === 7");
    visit.shot("explorer-trace");
    visit.browser.click("svg.tree a:last-of-type");
    visit.is_titled("saga.step_scheduled v1");
    assert!(
        visit.text().contains("Its cause was order.placed"),
        "{}",
        visit.text()
    );

    readers_are_live(&visit);

    visit.screen("parked");
    visit.is_titled("Parked events");
    assert!(
        visit.text().contains("13 cents are no price"),
        "{}",
        visit.text()
    );
    visit.follow(&["event", "3"]);
    visit.is_titled("order.placed v1");

    visit.screen("sagas");
    visit.is_titled("Sagas and process managers");
    assert_eq!(visit.count(".cards > li"), 2);
    visit
        .browser
        .click("a[href='#/sagas/fulfil-order?status=parked']");
    visit.is_titled("fulfil-order");
    visit.follow(&["sagas", "fulfil-order", "4712"]);
    visit.is_titled("4712");
    assert!(
        visit.text().contains("the parcel is too small"),
        "{}",
        visit.text()
    );
    // Where it began and where it would end, and two steps between.
    assert_eq!(visit.count(".flow > li"), 4);
    visit.follow(&["stream", "saga:fulfil-order", "4712"]);
    visit.is_titled("saga:fulfil-order/4712");
    assert!(
        visit.text().contains("this program has no types"),
        "{}",
        visit.text()
    );

    visit.screen("catalogue");
    visit.is_titled("Catalogue");
    assert!(
        visit.text().contains("This program knows no types"),
        "{}",
        visit.text()
    );
    // Nothing can be done here, and the page says so.
    visit.open("/sagas/fulfil-order/4712");
    assert_eq!(visit.count("[aria-haspopup]"), 0);
    assert_eq!(visit.ability(), "Reads only.");
    visit.is_quiet();
}

/// What an application with types adds.
fn every_form_is_clicked_through(place: &Place) {
    let visit = Visit::with(place, Options::new().application(bank::app().explorer()));
    visit.screen("streams");
    visit.is_titled("Streams");
    visit.follow(&["stream", "account", "1"]);
    visit.is_titled("account/1");
    assert_eq!(visit.count("article .forms.with-state"), 50);
    assert_eq!(visit.count("#types"), 0);
    let card = |version: u32| {
        let script = format!("return document.querySelector('#v{version}').innerText");
        visit.browser.run(&script).to_string()
    };
    for (version, wanted) in [
        (
            1,
            &[
                "\\\"name\\\": \\\"Ada\\\"",
                "v1 -> v2",
                "\\\"owner\\\": \\\"Ada\\\"",
                "+     owner: \\\"Ada\\\"",
            ][..],
        ),
        (
            2,
            &["As it is stored.", "+     cents: 100", "−     cents: 0"],
        ),
        (3, &["the application drops it", "As after version 2."]),
        (
            4,
            &["2 events: the application splits it", "+     cents: 123"],
        ),
    ] {
        let text = card(version);
        for wanted in wanted {
            assert!(
                text.contains(wanted),
                "version {version} has no {wanted}: {text}"
            );
        }
    }
    visit.shot("explorer-stream");
    visit.browser.click("nav.pages a:nth-child(3)");
    visit.is_there("document.querySelector('#v51') !== null");
    assert!(card(51).contains("−     cents: 169"), "{}", card(51));
    visit.browser.click("#v51 .facts a[href^='#/event/']");
    visit.is_titled("account.deposited v1");
    assert!(visit.text().contains("cents: 170"), "{}", visit.text());
    // What is not shown may differ, so nobody says that it does not.
    visit.open("/stream/account/long");
    assert!(
        !visit.text().contains("As after version"),
        "{}",
        visit.text().len()
    );
    assert_eq!(visit.count(".state + p a"), 2);
    visit.open("/stream/account/broken");
    assert!(
        visit
            .text()
            .contains("Not known: version 2 cannot be read."),
        "{}",
        visit.text()
    );
    visit.open("/stream/transfer-order/home");
    assert!(
        visit
            .text()
            .contains("no type for streams of transfer-order"),
        "{}",
        visit.text()
    );
    visit.is_quiet();

    visit.screen("sagas");
    visit.is_titled("Sagas and process managers");
    visit
        .browser
        .click("a[href='#/sagas/transfer?status=done']");
    visit.is_titled("transfer");
    visit.follow(&["sagas", "transfer", "away"]);
    visit.is_titled("away");
    assert_eq!(visit.count(".flow > li"), 5);
    assert_eq!(visit.count(".flow .box.undo:not(.end):not(.none)"), 2);
    let here = "return document.querySelector('.box.end.good').innerText";
    assert!(visit.browser.run(here).to_string().contains("Compensated"));
    assert!(
        visit.text().contains("a step failed at tell"),
        "{}",
        visit.text()
    );
    visit
        .browser
        .run("document.querySelector('.flow').parentElement.scrollIntoView()");
    visit.shot("explorer-saga");
    visit.browser.run("scrollTo(0, 0)");
    visit.open("/sagas/transfer/home");
    assert!(visit.browser.run(here).to_string().contains("Completed"));

    visit.screen("catalogue");
    visit.is_titled("Catalogue");
    assert_eq!(visit.count(".events > li"), 2);
    assert!(
        visit.text().contains("currency: string since v2"),
        "{}",
        visit.text()
    );
    assert!(visit.text().contains("name until v1"), "{}", visit.text());
    assert_eq!(visit.count("tbody tr"), 3);
    visit.shot("explorer-catalogue");
    visit.browser.click(".events summary");
    visit.is_there("document.querySelector('.events details').open");
    visit.browser.click("#field-search");
    visit
        .browser
        .press(&"DEPOSITED".chars().chain([ENTER]).collect::<Vec<_>>());
    visit.is_there("document.querySelectorAll('.events > li').length === 1");
    visit.open("/catalogue?search=transfer");
    assert_eq!(visit.count(".events > li"), 0);
    visit.follow(&["sagas", "transfer"]);
    visit.is_titled("transfer");
    visit.is_quiet();
}

/// The questions before verbs, their answers, and what is there afterwards.
fn every_verb_is_asked_for(place: &Place) {
    let visit = Visit::with(place, verbs::options(true));
    assert_eq!(visit.ability(), "May write, as ada.");
    visit.screen("parked");
    visit.is_titled("Parked events");
    // Whoever takes it back has done nothing, and is where they were.
    visit.browser.click("[id^='discard-']");
    visit.is_there("document.querySelector('dialog').open");
    visit.shot("explorer-verb");
    visit.is_there("document.activeElement.id === 'ask-why'");
    visit.browser.click("#cancel");
    visit.is_there("document.querySelector('dialog') === null && document.activeElement.id.startsWith('discard-')");
    assert_eq!(visit.count(".cards > li"), 1);
    // By keyboard: what is under the finger first is the way out.
    visit
        .browser
        .run("document.querySelector('#field-reader').focus()");
    tab_to(&visit, "[id^='retry-']");
    visit.browser.press(&[ENTER]);
    visit.is_there("document.activeElement.id === 'cancel'");
    visit.is_there(
        "document.querySelector('#ask-waiting').innerText === '1 event of this key waits.'",
    );
    tab_to(&visit, "#do-it");
    visit.browser.press(&[ENTER]);
    visit.is_there("document.querySelector('#notice') !== null");
    assert!(
        visit.text().contains("1 event of the key"),
        "{}",
        visit.text()
    );
    assert!(
        visit.text().contains("No event is parked."),
        "{}",
        visit.text()
    );
    visit.is_quiet();

    visit.open("/sagas/fulfil-order/4712");
    assert_eq!(visit.count("#verbs button"), 6);
    visit.browser.click("#verb-unwind");
    visit.is_there("document.querySelector('dialog').open");
    visit.browser.press(&['n', 'o', ENTER]);
    visit.is_there(
        "document.querySelector('dialog [role=alert]')?.innerText.includes('only goes forward')",
    );
    // The browser itself remarks on an answer that is none.
    let heard = visit.browser.hears("409");
    assert!(heard.iter().all(|said| said.contains("409")), "{heard:?}");
    visit.browser.press(&[ESCAPE]);
    visit.is_there("document.querySelector('dialog') === null");
    assert!(visit.text().contains("parked"), "{}", visit.text());
    visit.browser.click("#verb-retry");
    visit.is_there("document.querySelector('dialog').open");
    // Without a reason it is not sent.
    visit.browser.press(&[ENTER]);
    visit.is_there("document.querySelector('dialog').open && document.querySelector('#ask-why').matches(':invalid')");
    visit.browser.press(&['o', 'k', ENTER]);
    visit.is_there("document.querySelector('#notice') !== null");
    let text = visit.text();
    assert!(
        text.contains("Retry: The running application goes on"),
        "{text}"
    );
    assert!(
        text.contains("retry by ada: ok") && !text.contains("parked"),
        "{text}"
    );
    // What was done is said on this screen only.
    visit.screen("sagas");
    visit.is_titled("Sagas and process managers");
    assert_eq!(visit.count("#notice"), 0);
    visit.open("/sagas/fulfil-order?status=parked");
    assert_eq!(visit.count("#retry-all"), 0);
    visit.open("/sagas/welcome/ada");
    assert_eq!(visit.count("#verbs button"), 2);
    visit.browser.click("#verb-abandon");
    visit.is_there("document.querySelector('dialog').open");
    visit.browser.press(&['n', 'o', ENTER]);
    visit.is_there("document.querySelectorAll('#inputs > li').length === 2");
    visit.is_there("document.querySelector('#notice')?.innerText.includes('It has ended') && document.querySelector('#verbs') === null");
    visit.open("/readers");
    // The card is another one after each look.
    visit.browser.click("#pause");
    visit.browser.click("[id^='rebuild-']");
    visit.is_there("document.querySelector('dialog').open");
    visit.browser.click("#do-it");
    visit.is_there(
        "document.querySelector('#notice')?.innerText.includes('build 2 of order_totals')",
    );
    visit.is_quiet();
}

/// A new event is seen without a new page, and a pause stops that.
fn readers_are_live(visit: &Visit<'_>) {
    // As when somebody comes back to the window.
    let look = "document.dispatchEvent(new Event('visibilitychange'))";
    let points =
        "document.querySelector('.plot polyline').getAttribute('points').split(' ').length";
    visit.screen("readers");
    visit.is_titled("Readers");
    assert_eq!(visit.count(".cards > li"), 3);
    let place = |id: &'static str| {
        block_on(async {
            let (store, _) = visit.place.open().await;
            shop::place(&store, id, 100, "web-4").await;
            store.close().await;
        });
    };
    visit.is_there("document.querySelector('.lag').innerText.startsWith('149 ')");
    place("4714");
    visit.browser.run(look);
    visit.is_there("document.querySelector('.lag').innerText.startsWith('150 ')");
    visit.is_there(&format!("{points} > 1"));
    visit.browser.click("#pause");
    place("4715");
    visit.browser.run(look);
    assert!(
        visit.text().contains("150 events behind"),
        "{}",
        visit.text()
    );
    visit.browser.click("#pause");
    visit.browser.run(look);
    visit.is_there("document.querySelector('.lag').innerText.startsWith('151 ')");
}

fn text_of_the_store_stays_text(visit: &Visit<'_>) {
    let untouched = "document.images.length === 0 && document.scripts.length === 1 && document.title !== 'broken'";
    for (aggregate, id, title) in [
        ("order", MARKUP, format!("order/{MARKUP}")),
        ("or/der", ADDRESS, format!("or/der/{ADDRESS}")),
        (
            "order",
            TURNED,
            "order/\\u{202e}gnp.exe\\u{2066}".to_owned(),
        ),
    ] {
        visit.open("/streams");
        visit.is_there(untouched);
        visit.follow(&["stream", aggregate, id]);
        visit.is_titled(&title);
        visit.is_there(untouched);
        // The address is one that can be kept.
        let kept = visit.browser.run("return location.hash.slice(1)");
        visit.open(kept.as_str().expect("an address"));
        visit.is_titled(&title);
        let text = visit.text();
        assert!(
            text.contains(MARKUP) && text.contains("12345678901234567890123"),
            "{text}"
        );
        assert!(!text.contains(['\u{202e}', '\u{2066}']), "{text}");
        assert!(text.contains(r#""line": "one\ntwo""#), "{text}");
    }
    visit.open("/events");
    visit.is_there(untouched);
    visit.open("/stream/order/%3Cimg%20src%3Dx%20onerror%3Ddocument.title%3D'broken'%3E");
    visit.follow(&["trace", CORRELATION]);
    visit.is_there("document.querySelectorAll('svg.tree a').length === 2");
    visit.is_there(untouched);
    visit.is_quiet();
    // The control: what the policy is for. It is refused, and the browser says so.
    visit.browser.run(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')",
    );
    visit.browser.wait("document.images.length === 1");
    visit.browser.hears("Content Security Policy");
}

/// What is too pale, too wide, or cannot be read on a screen.
const MEASURE: &str = r"
const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ratio = (a, b) => { const [x, y] = [light(a), light(b)]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
const behind = (element) => { for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; if (c[3] > 0) throw new Error('half a colour'); } return [255, 255, 255, 1]; };
const wrong = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let measured = 0;
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || element.getClientRects().length === 0 || element.closest('script, noscript, .unseen, .skip, option, datalist')) continue;
  const style = getComputedStyle(element);
  const colour = parse(element instanceof SVGElement ? style.fill : style.color);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const found = ratio(colour, behind(element));
  measured += 1;
  if (found < (isLarge ? 3 : 4.5)) wrong.push(`${texts.currentNode.data.slice(0, 40)}: ${found.toFixed(2)}`);
}
for (const field of document.querySelectorAll('input, select')) {
  const style = getComputedStyle(field);
  const edge = ratio(parse(style.borderTopColor), behind(field.parentElement));
  if (field.type !== 'checkbox' && edge < 3) wrong.push(`the edge of ${field.id}: ${edge.toFixed(2)}`);
  const hint = ratio(parse(getComputedStyle(field, '::placeholder').color), behind(field));
  if (hint < 4.5) wrong.push(`the hint of ${field.id}: ${hint.toFixed(2)}`);
  if (!field.labels.length) wrong.push(`${field.id} has no label`);
}
for (const control of document.querySelectorAll('a, button, summary')) {
  if (!control.textContent.trim() && !control.getAttribute('aria-label')) wrong.push(`no name: ${control.outerHTML.slice(0, 80)}`);
}
if (document.querySelectorAll('h1').length !== 1) wrong.push('not one title');
if (new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size !== document.querySelectorAll('[id]').length) wrong.push('an id twice');
if (document.documentElement.scrollWidth > innerWidth) wrong.push(`${document.documentElement.scrollWidth} wide`);
if (measured < 10) wrong.push('nothing was measured');
return wrong;
";

fn it_can_be_read(visit: &Visit<'_>, screens: &[&str]) {
    for (scheme, width) in [("light", 1600), ("dark", 390)] {
        visit.browser.look(width, 900, scheme);
        for screen in screens {
            visit.open(screen);
            let wrong = visit.browser.run(MEASURE);
            assert_eq!(wrong, json!([]), "{screen}, {scheme}, {width}");
            // So do the questions.
            for number in 0..visit.count("[aria-haspopup]") {
                let ask = format!("document.querySelectorAll('[aria-haspopup]')[{number}].click()");
                visit.browser.run(&ask);
                visit.is_there("document.querySelector('dialog').open");
                let wrong = visit.browser.run(MEASURE);
                assert_eq!(
                    wrong,
                    json!([]),
                    "{screen}, {scheme}, {width}, question {number}"
                );
                visit
                    .browser
                    .run("document.querySelector('#cancel').click()");
                visit.is_there("document.querySelector('dialog') === null");
            }
        }
    }
    // The control: pale text is found.
    visit.browser.run("document.querySelector('h1').style.color = '#888'; document.querySelector('h1').style.background = '#777'");
    assert_ne!(visit.browser.run(MEASURE), json!([]));
    visit.browser.look(1600, 900, "light");
}

fn a_keyboard_is_enough(visit: &Visit<'_>) {
    visit.open("/");
    tab_to(visit, "#skip");
    visit.browser.press(&[ENTER]);
    visit.is_there("document.activeElement === document.querySelector('main')");
    visit.open("/");
    tab_to(visit, "nav a[data-screen='streams']");
    visit.browser.press(&[ENTER]);
    visit.is_titled("Streams");
    // Reading goes on at the title.
    visit.is_there("document.activeElement === document.querySelector('h1')");
    tab_to(visit, "#field-search");
    visit.browser.press(&['4', '7', '1', '1', ENTER]);
    visit.is_there("document.querySelectorAll('tbody tr').length === 2 && document.activeElement.id === 'field-search'");
    tab_to(visit, "a[href='#/stream/order/4711']");
    visit.browser.press(&[ENTER]);
    visit.is_titled("order/4711");
    tab_to(visit, "summary");
    visit.browser.press(&[ENTER]);
    visit.is_there("document.querySelector('article details').open");
    visit.open("/stream/order/4711");
    tab_to(visit, "a[href^='#/trace/web-1']");
    visit.browser.press(&[ENTER]);
    visit.is_there("document.querySelectorAll('svg.tree a').length === 7");
    tab_to(visit, "svg.tree a");
    visit.browser.press(&[ENTER]);
    visit.is_titled("order.placed v1");
    visit.open("/events");
    // From the last row on.
    visit
        .browser
        .run("document.querySelector('tbody tr:last-child summary').focus()");
    tab_to(visit, ".more button");
    visit.browser.press(&[ENTER]);
    visit.is_there("document.querySelectorAll('tbody tr').length === 100 && document.activeElement.matches('.more button')");
    visit.open("/readers");
    tab_to(visit, "#pause");
    visit.browser.press(&[SPACE]);
    visit.is_there("document.querySelector('#pause').getAttribute('aria-pressed') === 'true'");
    visit.open("/sagas/fulfil-order");
    tab_to(visit, "#status-parked");
    visit.browser.press(&[ENTER]);
    visit.is_there("document.activeElement.id === 'status-parked' && document.querySelectorAll('tbody tr').length === 1");
    visit.is_quiet();
}

/// A store that goes away, and an address that is none.
fn what_is_wrong_is_said(visit: &Visit<'_>) {
    for (screen, wanted) in [
        (
            "/stream/a/b",
            "the store has no stream b of the aggregate a",
        ),
        ("/events?where=cents", "a condition is a path"),
        ("/event/99999999", "Positions go from 1"),
        ("/nothing", "There is no such screen"),
        ("/stream/%E0%A4%A/x", "the store has no stream"),
    ] {
        visit.open(screen);
        visit.is_there("document.querySelector('[role=alert]') !== null");
        assert!(visit.text().contains(wanted), "{screen}: {}", visit.text());
        assert_eq!(visit.count("#again"), 1, "{screen}");
    }
    for screen in [
        "/streams?search=none",
        "/parked?reader=none",
        "/trace/none",
        "/sagas/none",
    ] {
        visit.open(screen);
        visit.is_there("document.querySelector('.empty') !== null");
    }
}

#[test]
#[cfg_attr(
    not(all(chromium, chromedriver)),
    ignore = "needs Chromium: install the packages chromium and chromium-driver"
)]
fn every_screen_on_sqlite() {
    every_screen_is_clicked_through(&stocked::sqlite());
}

#[test]
#[cfg_attr(
    not(all(chromium, chromedriver)),
    ignore = "needs Chromium: install the packages chromium and chromium-driver"
)]
fn every_form_on_sqlite() {
    every_form_is_clicked_through(&bank::sqlite());
}

#[test]
#[cfg_attr(
    not(all(chromium, chromedriver)),
    ignore = "needs Chromium: install the packages chromium and chromium-driver"
)]
fn every_verb_on_sqlite() {
    every_verb_is_asked_for(&Place::copy());
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn anybody_can_use_it_with_types_and_verbs() {
    let place = bank::sqlite();
    let visit = Visit::with(
        &place,
        Options::new().application(bank::hostile().explorer()),
    );
    it_can_be_read(&visit, &TYPED);
    visit.open("/stream/account/hostile");
    let untouched = "document.images.length === 0 && document.scripts.length === 1 && document.title !== 'broken'";
    visit.is_there(untouched);
    let text = visit.text();
    assert!(
        text.contains(MARKUP) && !text.contains(['\u{202e}', '\u{2066}']),
        "{text}"
    );
    visit.open("/catalogue");
    visit.is_there(untouched);
    assert!(
        visit.text().contains(MARKUP) && visit.text().contains("bank <b>&"),
        "{}",
        visit.text()
    );
    visit.is_quiet();
    drop(visit);
    // A catalogue with all that there may be.
    let visit = Visit::with(&place, Options::new().application(Arc::new(bank::Shop)));
    it_can_be_read(&visit, &["/catalogue", "/catalogue?search=order"]);
    visit.open("/catalogue");
    let text = visit.text();
    for wanted in [
        "Commands:",
        "Process managers",
        "Reacts to:",
        "Starts on:",
        "Time limit:",
        "sends ",
    ] {
        assert!(
            text.contains(wanted),
            "the catalogue has no {wanted}: {text}"
        );
    }
    visit.shot("shop-catalogue");
    visit.is_quiet();
    drop(visit);
    let place = Place::copy();
    let visit = Visit::with(&place, verbs::options(true));
    it_can_be_read(
        &visit,
        &[
            "/parked",
            "/readers",
            "/sagas",
            "/sagas/fulfil-order?status=parked",
            "/sagas/fulfil-order/4712",
            "/sagas/welcome/ada",
        ],
    );
}

#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn anybody_can_use_it_and_no_text_runs() {
    let place = stocked::sqlite();
    let visit = Visit::of(&place);
    a_keyboard_is_enough(&visit);
    it_can_be_read(&visit, &SCREENS);
    what_is_wrong_is_said(&visit);
    // The browser remarks on answers that are errors, at times late: another one begins.
    drop(visit);
    let visit = Visit::of(&place);
    text_of_the_store_stays_text(&visit);
}

#[cfg(unix)]
#[test]
#[ignore = "a long run: CONTRIBUTING.md has the command"]
fn every_screen_on_postgres() {
    every_screen_is_clicked_through(&stocked::postgres());
    every_form_is_clicked_through(&bank::postgres());
    every_verb_is_asked_for(&Place::new_postgres());
}
