//! What a decision commits: an append for each stream, and a guard for each fold.

use super::{Execute, aggregates, folds, stream_of};
use crate::{
    Decide, DecisionError, Emitted, Reads,
    emitted::{Tagged, texts},
    read::{NotProven, sealed::Part},
};
use es_runtime::{Append, AppendId, Commit, ExpectedVersion, NewEvent, StreamId};
use std::{any::Any, collections::BTreeSet};

impl<D: Decide> Execute<'_, D> {
    /// An append for each aggregate that was read, where one without events guards its stream; one for each stream of
    /// events with tags; one for the append id where a fold was read; and a guard for each fold.
    pub(super) fn commit_of(
        &self,
        reads: &mut D::Reads,
        emitted: Emitted<D>,
        id: Option<&AppendId>,
    ) -> Result<Commit, DecisionError<D::Error>> {
        let mut lists: Vec<(StreamId, Box<dyn Any + Send>)> = Vec::new();
        for list in emitted.lists {
            let stream = list.stream.map_err(|id| DecisionError::Load(id.into()))?;
            if lists.iter().any(|(other, _)| *other == stream) {
                return Err(DecisionError::EmittedTwice { stream });
            }
            lists.push((stream, list.events));
        }
        let homes = homes(emitted.tagged)?;
        let mut appends = Vec::new();
        for read in aggregates(reads) {
            let stream = stream_of(read)?;
            let mut append = Append::new(stream.clone(), ExpectedVersion::Exact(read.version()));
            if let Some(at) = lists.iter().position(|(of, _)| *of == stream) {
                let events = match read.prove(lists.swap_remove(at).1) {
                    Ok(events) => events,
                    Err(NotProven::OtherType) => return Err(DecisionError::NotRead { stream }),
                    Err(error) => {
                        let what = error.to_string();
                        return Err(DecisionError::Events { stream, what });
                    }
                };
                append = append.with_events(events);
            }
            append.append_id = id.cloned();
            append.request.clone_from(&self.request);
            appends.push((append, Some(read)));
        }
        if let Some((stream, _)) = lists.pop() {
            return Err(DecisionError::NotRead { stream });
        }
        for home in &homes {
            let known = appends.iter().position(|(of, _)| of.stream == home.stream);
            let Some((append, read)) = known.and_then(|at| appends.get_mut(at)) else {
                let append = Append::new(home.stream.clone(), ExpectedVersion::Any);
                appends.push((append.with_event(home.event.clone()), None));
                continue;
            };
            if let Some(read) = read {
                if let Err(error) = read.prove_stored(&home.event) {
                    let (event, what) = (home.name, error.to_string());
                    return Err(DecisionError::Event { event, what });
                }
            }
            append.events.push(home.event.clone());
        }
        let mut appends: Vec<Append> = appends.into_iter().map(|(append, _)| append).collect();
        if id.is_some() && folds(reads).next().is_some() {
            // It is the last one, so its position is that up to which a repetition reads the folds.
            let recorded = NewEvent::json("decision.recorded", 1, "{}");
            let mut append = Append::new(self.own_stream()?, ExpectedVersion::Exact(0));
            append = append.with_event(recorded);
            append.append_id = id.cloned();
            append.request.clone_from(&self.request);
            appends.push(append);
        }
        for append in &mut appends {
            if !append.events.is_empty() {
                append.metadata = self.metadata.clone();
            }
        }
        let streams: Vec<_> = aggregates(reads).map(|read| stream_of(read)).collect();
        let streams: Vec<StreamId> = streams.into_iter().collect::<Result<_, _>>()?;
        let mut commit = Commit::new();
        let mut unseen: Vec<_> = homes.iter().filter(|home| !home.is_blind).collect();
        unseen.retain(|home| !streams.contains(&home.stream));
        for read in reads.each() {
            let position = read.position();
            let Part::Fold(fold) = read.part() else {
                continue;
            };
            let name = fold.name();
            let query = match fold.query() {
                Ok(query) => query.clone(),
                Err(source) => return Err(DecisionError::NoEvents { fold: name, source }),
            };
            unseen.retain(|home| !query.finds(&home.event.name, &home.texts));
            if let Err(error) = fold.prove(&appends) {
                let (fold, what) = (name, error.to_string());
                return Err(DecisionError::Fold { fold, what });
            }
            commit = commit.guard(query, position);
        }
        if let Some(home) = unseen.first() {
            return Err(DecisionError::Unseen { event: home.name });
        }
        commit.appends = appends;
        Ok(commit)
    }

    /// The stream of a decision that reads folds. It remembers the append id, and the position of the decision.
    pub(super) fn own_stream(&self) -> Result<StreamId, DecisionError<D::Error>> {
        let id = self.append_id.as_ref().map(ToString::to_string);
        let stream = StreamId::new(&format!("decision:{}", D::NAME), &id.unwrap_or_default());
        stream.map_err(|id| DecisionError::Load(id.into()))
    }
}

/// An event with tags and the stream that it goes to.
struct Home {
    name: &'static str,
    is_blind: bool,
    stream: StreamId,
    event: NewEvent,
    texts: BTreeSet<String>,
}

fn homes<E>(tagged: Vec<Tagged>) -> Result<Vec<Home>, DecisionError<E>> {
    let homes = tagged.into_iter().map(|tagged| {
        let Tagged { name, is_blind, .. } = tagged;
        let home = tagged.home.ok_or(DecisionError::NoHome { event: name })?;
        let stream = home.map_err(|id| DecisionError::Load(id.into()))?;
        let failed = |what| DecisionError::Event { event: name, what };
        let event = tagged.event.map_err(failed)?;
        let texts = texts(&event.tags);
        Ok(Home {
            name,
            is_blind,
            stream,
            event,
            texts,
        })
    });
    homes.collect()
}
