//! Every target, with so many inputs that it takes seconds.

use postern_fuzz::{TARGETS, driver};

/// What a parser promises holds for whatever bytes it is given (SC-07).
#[test]
fn promises_hold_for_bytes_that_nobody_foresaw() {
    std::thread::scope(|scope| {
        let runs =
            TARGETS.map(|target| (target, scope.spawn(move || driver::drive(target, target.iterations, 1))));
        for (target, run) in runs {
            let outcomes = run.join().unwrap().unwrap_or_else(|input| panic!("{input}"));
            println!("{}: {outcomes} outcomes", target.name);
            // A target that always gives the same answer looks at nothing.
            assert!(outcomes > 2, "{}: {outcomes}", target.name);
        }
    });
}
