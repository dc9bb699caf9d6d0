//! The store on NATS JetStream: the suite on one server and on three, what only this store has, and what happens to its
//! servers.
#![cfg(unix)]

mod answers;
mod chaos;
mod erased;
mod followers;
mod kit;
mod opening;
mod racing;
mod reading;
mod remade;
mod stored;
mod support;
mod tags;
mod work;

mod node {
    use es_tests::fixtures::Nats;
    es_testkit::conformance!(
        #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
        Nats::on_a_node()
    );
    es_testkit::commit_conformance!(
        #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
        Nats::on_a_node()
    );
    // Both suites check guards.
    mod with_work {
        use super::Nats;
        es_testkit::saga_conformance!(
            #[cfg_attr(not(nats), ignore = "needs nats-server: run .ci/nats-server")]
            Nats::on_a_node()
        );
    }
}

mod cluster {
    use es_tests::fixtures::Nats;
    es_testkit::conformance!(
        #[ignore = "a long run: CONTRIBUTING.md has the command"]
        Nats::on_a_cluster()
    );
    es_testkit::commit_conformance!(
        #[ignore = "a long run: CONTRIBUTING.md has the command"]
        Nats::on_a_cluster()
    );
    // Both suites check guards.
    mod with_work {
        use super::Nats;
        es_testkit::saga_conformance!(
            #[ignore = "a long run: CONTRIBUTING.md has the command"]
            Nats::on_a_cluster()
        );
    }
}
