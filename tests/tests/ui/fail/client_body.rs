use std::{
    convert::Infallible,
    future::Ready,
    task::{Context, Poll},
};

use http::{Request, Response};
use sse_typed::{Client, RawEvent};
use tower::{Service, service_fn};

struct Form;

#[derive(Clone)]
struct Forms;

impl Service<Request<Form>> for Forms {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Form>) -> Self::Future {
        std::future::ready(Ok(Response::new(String::new())))
    }
}

fn main() {
    let _source = Client::new(Forms).get("/").connect::<RawEvent>();

    let forms = service_fn(async |_: Request<Form>| Ok::<_, Infallible>(Response::new(String::new())));
    let _source = Client::new(forms).get("/").connect::<RawEvent>();
}
