//! Shares and streams.

use super::*;

const PUBLIC: &str = "203.0.114.7";

fn places(all: usize) -> Places {
    let places = Places::new(&PlaceLimits { all, streams: 3, per_address: 4, per_credential: 2 });
    Places { patience: Duration::from_millis(100), ..places }
}

fn party(places: &Places, address: &str, credential: &str) -> Party {
    let mut headers = HeaderMap::new();
    if !credential.is_empty() {
        headers.insert(AUTHORIZATION, credential.parse().unwrap());
    }
    places.party(address.parse().unwrap(), &headers)
}

async fn take(places: &Places, party: Party) -> Result<Place, Refused> {
    let address = places.enter(party).await?;
    places.take(party, address, false).await
}

#[tokio::test]
async fn a_credential_has_its_share_and_the_others_have_theirs() {
    let places = places(8);
    let (one, other) = (party(&places, "127.0.0.1", "Bearer 1"), party(&places, "127.0.0.1", "Bearer 2"));
    let held = [take(&places, one).await.unwrap(), take(&places, one).await.unwrap()];
    assert_eq!(take(&places, one).await.unwrap_err(), Refused::Share);
    let _other = take(&places, other).await.unwrap();
    drop(held);
    take(&places, one).await.unwrap();
}

#[tokio::test]
async fn an_address_has_its_share_unless_it_is_a_proxys() {
    let places = places(100);
    let stranger = party(&places, PUBLIC, "");
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(take(&places, stranger).await.unwrap());
    }
    assert_eq!(take(&places, stranger).await.unwrap_err(), Refused::Share);
    for proxy in ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1"] {
        for _ in 0..5 {
            held.push(take(&places, party(&places, proxy, "")).await.unwrap());
        }
    }
}

#[test]
fn an_ipv6_network_is_one_client() {
    let places = places(8);
    let of = |address: &str| party(&places, address, "");
    assert_eq!(of("2606:4700::1"), of("2606:4700::2:3"));
    assert_ne!(of("2606:4700::1"), of("2606:4700:0:1::1"));
    assert_eq!(of("::ffff:8.8.8.8"), of("8.8.8.8"));
    assert_ne!(of("8.8.8.8"), of("8.8.4.4"));
}

#[tokio::test]
async fn bodies_on_their_way_leave_places_free() {
    let places = places(8);
    let stranger = party(&places, "127.0.0.1", "");
    let upload = async || {
        let address = places.enter(stranger).await?;
        places.take(stranger, address, true).await
    };
    let _held = [upload().await.unwrap(), upload().await.unwrap()];
    assert_eq!(upload().await.unwrap_err(), Refused::Busy);
    take(&places, stranger).await.unwrap();
}

#[tokio::test]
async fn a_request_waits_for_a_place() {
    let places = Arc::new(Places { patience: Duration::from_secs(30), ..places(1) });
    let stranger = party(&places, "127.0.0.1", "");
    let held = take(&places, stranger).await.unwrap();
    let waiting = tokio::spawn({
        let places = places.clone();
        async move { take(&places, stranger).await.is_ok() }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(held);
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn no_request_waits_for_ever() {
    let places = places(1);
    let stranger = party(&places, "127.0.0.1", "");
    let _held = take(&places, stranger).await.unwrap();
    assert_eq!(take(&places, stranger).await.unwrap_err(), Refused::Busy);
}

#[test]
fn a_stream_too_many_ends_the_oldest_of_the_party_that_has_the_most() {
    let places = places(8);
    let [few, many] = ["Bearer 1", "Bearer 2"].map(|credential| party(&places, "127.0.0.1", credential));
    let mut first = places.stream(few);
    let mut greedy: Vec<_> = (0..2).map(|_| places.stream(many)).collect();
    greedy.push(places.stream(many));
    let cut: Vec<bool> = greedy.iter_mut().map(|stream| stream.cut.try_recv().is_ok()).collect();
    assert_eq!(cut, [true, false, false]);
    let second = places.stream(few);
    let cut: Vec<bool> = greedy.iter_mut().skip(1).map(|stream| stream.cut.try_recv().is_ok()).collect();
    assert_eq!(cut.iter().filter(|cut| **cut).count() + usize::from(first.cut.try_recv().is_ok()), 1);
    drop((second, greedy));
    // Those that have ended make room.
    let mut later = places.stream(many);
    assert!(later.cut.try_recv().is_err());
}

#[test]
fn shares_that_nobody_holds_are_forgotten() {
    let shares = Shares::new(1);
    for key in 0..10_000 {
        shares.of(key);
    }
    assert!(lock(&shares.held).len() < 100);
}
