//! Somebody in front of a browser with the explorer.

use crate::{browser::Browser, place::Place, running::Running};
use es_explorer::Options;
use serde_json::json;
use std::path::PathBuf;

const TAB: char = '\u{E004}';
pub(crate) const ENTER: char = '\u{E007}';
pub(crate) const ESCAPE: char = '\u{E00C}';
pub(crate) const SPACE: char = ' ';

pub(crate) struct Visit<'a> {
    pub(crate) browser: Browser,
    pub(crate) running: Running,
    pub(crate) place: &'a Place,
}

impl<'a> Visit<'a> {
    pub(crate) fn of(place: &'a Place) -> Self {
        Self::with(place, Options::new())
    }

    /// Of an explorer that knows more, or may do more.
    pub(crate) fn with(place: &'a Place, options: Options) -> Self {
        Self::at(place, Running::with(place, options))
    }

    /// Of an explorer that runs already, perhaps on another store than the place.
    pub(crate) fn at(place: &'a Place, running: Running) -> Self {
        let browser = Browser::start();
        browser.look(1600, 900, "light");
        let visit = Self {
            browser,
            running,
            place,
        };
        visit.open("/");
        visit
    }

    /// Loads the page with this screen.
    pub(crate) fn open(&self, screen: &str) {
        // The same page with another part after `#` would not be loaded anew.
        self.browser.open("about:blank");
        self.browser
            .open(&format!("http://{}/#{screen}", self.running.address));
        self.is_there("document.querySelector('h1') !== null");
    }

    /// Waits for an answer that fulfils a condition.
    pub(crate) fn is_there(&self, condition: &str) {
        self.browser.wait(&format!(
            "document.querySelector('main')?.getAttribute('aria-busy') === 'false' && ({condition})"
        ));
    }

    pub(crate) fn is_titled(&self, title: &str) {
        let title = json!(title);
        self.is_there(&format!(
            "document.querySelector('h1')?.textContent === {title}"
        ));
    }

    /// Clicks on the link to a screen.
    pub(crate) fn follow(&self, parts: &[&str]) {
        let parts = json!(parts);
        let script = format!(
            "for (const old of document.querySelectorAll('[data-wanted]')) delete old.dataset.wanted;
             const wanted = '#/' + {parts}.map(encodeURIComponent).join('/');
             const link = [...document.querySelectorAll('main a')].find((a) => a.getAttribute('href').split('?')[0] === wanted);
             if (!link) return wanted; link.dataset.wanted = ''; return null;"
        );
        let missing = self.browser.run(&script);
        assert!(missing.is_null(), "no link to {missing}");
        self.browser.click("[data-wanted]");
    }

    pub(crate) fn text(&self) -> String {
        let text = self
            .browser
            .run("return document.querySelector('main').innerText");
        text.as_str().expect("text").to_owned()
    }

    pub(crate) fn count(&self, selector: &str) -> u64 {
        let script = format!(
            "return document.querySelectorAll({}).length",
            json!(selector)
        );
        self.browser.run(&script).as_u64().expect("a number")
    }

    pub(crate) fn screen(&self, name: &str) {
        self.browser.click(&format!("nav a[data-screen='{name}']"));
    }

    pub(crate) fn is_quiet(&self) {
        assert_eq!(self.browser.complaints(), [""; 0]);
    }

    /// What the page says that it may do.
    pub(crate) fn ability(&self) -> String {
        self.is_there("document.querySelector('#ability').textContent !== ''");
        let text = self
            .browser
            .run("return document.querySelector('#ability').textContent");
        text.as_str().expect("text").to_owned()
    }

    /// Makes pictures where `ES_SHOTS` names a folder: the one for the pages in `docs`, and others in `wide` and `narrow`, where
    /// it has these folders.
    pub(crate) fn shot(&self, name: &str) {
        let Some(folder) = std::env::var_os("ES_SHOTS").map(PathBuf::from) else {
            return;
        };
        for (inside, width, height, scheme) in [
            ("", 1280, 800, "light"),
            ("narrow", 390, 844, "dark"),
            ("wide", 1600, 900, "light"),
        ] {
            let folder = folder.join(inside);
            if folder.is_dir() {
                self.browser.look(width, height, scheme);
                self.browser.wait("true");
                let path = folder.join(format!("{name}.png"));
                std::fs::write(path, self.browser.picture()).expect("written");
            }
        }
        self.browser.look(1600, 900, "light");
    }
}

/// Presses Tab until something has the focus, which must be seen all the way.
pub(crate) fn tab_to(visit: &Visit<'_>, selector: &str) {
    let script = format!(
        "const at = document.activeElement;
         const outlined = (e) => getComputedStyle(e).outlineStyle !== 'none' && parseFloat(getComputedStyle(e).outlineWidth) >= 2;
         const hit = at.querySelector?.('.hit');
         const isSeen = outlined(at) || (hit && getComputedStyle(hit).stroke !== 'none');
         if (at === document.body) return 'nothing has the focus';
         if (!isSeen) return 'no focus is seen on ' + at.outerHTML.slice(0, 120);
         return at.matches({}) ? '' : null;",
        json!(selector)
    );
    for _ in 0..60 {
        visit.browser.press(&[TAB]);
        match visit.browser.run(&script).as_str() {
            None => {}
            Some("") => return,
            Some(wrong) => panic!("{wrong}"),
        }
    }
    panic!("{selector} is not reached by Tab");
}
