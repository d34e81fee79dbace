use std::convert::Infallible;

use http::Request;
use hyper_util::service::TowerToHyperService;
use sse_typed::SseLayer;
use tower::{Service, ServiceBuilder, ServiceExt};

fn serve<S: Service<Request<String>>>(_: S) {}

fn main() {
    serve(ServiceBuilder::new().layer(SseLayer::new()).service_fn(async |_: Request<String>| Ok::<_, Infallible>("hello")));

    async fn hello(_: Request<String>) -> Result<&'static str, Infallible> {
        Ok("hello")
    }
    let service = ServiceBuilder::new().layer(SseLayer::new()).service_fn(hello);
    let _response = service.oneshot(Request::new(String::new()));

    async fn hyper_hello(_: Request<hyper::body::Incoming>) -> Result<&'static str, Infallible> {
        Ok("hello")
    }
    let service = ServiceBuilder::new().layer(SseLayer::new()).service_fn(hyper_hello);
    let (io, _) = tokio::io::duplex(1);
    let _connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(hyper_util::rt::TokioIo::new(io), TowerToHyperService::new(service));

    let service = ServiceBuilder::new().layer(SseLayer::new()).service_fn(async |_: axum::extract::Request| Ok::<_, Infallible>("hello"));
    let _router: axum::Router = axum::Router::new().route_service("/", service);
}
