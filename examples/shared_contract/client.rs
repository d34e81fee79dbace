//! The client: it receives the contract's events.

use sse_typed::Client;

use crate::contract::RideEvent;

pub(crate) async fn follow(url: &str) -> Result<(), sse_typed::client::Error> {
    let mut ride = Client::hyper().get(url).connect::<RideEvent>();
    while let Some(event) = ride.next().await {
        match event.map(|event| event.data) {
            Ok(RideEvent::DriverAssigned { driver, eta_s }) => println!("{driver} arrives in {} min", eta_s / 60),
            Ok(RideEvent::Position(position)) => println!("at {:.2}, {:.2}", position.lat, position.lon),
            Ok(RideEvent::Completed) => println!("arrived"),
            Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
