//! Decides which project the spans of a service go to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    env,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use sentry_core::ClientOptions;
use sentry_genai_conventions::Attributes;
use sentry_genai_delivery::{Config, Delivery, Options, SendFailure, Stats};

use super::lock;
use crate::{Client, trace::ReleaseInfo};

/// How many configurations a route keeps.
const MAX_CONFIGS: usize = 64;

/// The projects that spans go to: one for all services, or one for each of some services and one for all others.
#[derive(Clone, Debug)]
pub struct Projects {
    fallback: Client,
    services: HashMap<String, Client>,
}

impl Projects {
    /// Creates projects that send the spans of all services to one project.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            fallback: client,
            services: HashMap::new(),
        }
    }

    /// Sends the spans of one service, identified by its `service.name`, to its own project. If a name is given more than once,
    /// the last client is used.
    #[must_use]
    pub fn with_service(mut self, name: impl Into<String>, client: Client) -> Self {
        self.services.insert(name.into(), client);
        self
    }
}

impl From<Client> for Projects {
    fn from(client: Client) -> Self {
        Self::new(client)
    }
}

/// A project and the delivery to it.
#[derive(Debug)]
pub(super) struct Route {
    /// The service whose spans take this route; `None` for the route of all services without one of their own.
    service: Option<String>,
    pub(super) client: Client,
    pub(super) delivery: Delivery,
    /// By what resources say about the release and the environment. Traces share them, because many may wait.
    configs: Mutex<HashMap<ReleaseInfo, Arc<Config>>>,
}

impl Route {
    /// Starts the delivery. Returns `None` if the options allow none.
    fn start(service: Option<String>, client: Client, options: Options) -> Option<Self> {
        let delivery = options.start(&client_options(&client))?;
        Some(Self {
            service,
            client,
            delivery,
            configs: Mutex::default(),
        })
    }

    /// Returns the configuration of the client for a trace.
    pub(super) fn config(&self, release_info: &ReleaseInfo) -> Option<Arc<Config>> {
        let mut configs = lock(&self.configs);
        if let Some(config) = configs.get(release_info) {
            return Some(Arc::clone(config));
        }
        let config = self.client.config(release_info)?;
        if configs.len() >= MAX_CONFIGS {
            configs.clear();
        }
        configs.insert(release_info.clone(), Arc::clone(&config));
        Some(config)
    }
}

/// Returns the options that a client of the Sentry SDK would have. All spans are sent, since sampling was decided where they were
/// made.
fn client_options(client: &Client) -> ClientOptions {
    let variable = |names: [&str; 2]| {
        let found = names.into_iter().find_map(|name| env::var(name).ok());
        found.filter(|value| !value.is_empty()).map(Into::into)
    };
    let mut options = ClientOptions::new().traces_sample_rate(1.0);
    options.dsn = Some(client.dsn.clone());
    options.release = client.release.clone().map(Into::into);
    options.environment = client.environment.clone().map(Into::into);
    options.https_proxy = variable(["HTTPS_PROXY", "https_proxy"]);
    options.http_proxy = variable(["HTTP_PROXY", "http_proxy"]);
    options
}

/// All routes. The first is for services without a route of their own.
#[derive(Debug)]
pub(super) struct Routes {
    all: Vec<Route>,
    by_service: HashMap<String, usize>,
}

impl Routes {
    /// Starts a delivery to each project. Returns `None` if the options do not allow one of them.
    pub(super) fn start(projects: Projects, options: &Options) -> Option<Self> {
        let Projects { fallback, services } = projects;
        let mut all = vec![Route::start(None, fallback, options.clone())?];
        let mut by_service = HashMap::new();
        for (name, client) in services {
            by_service.insert(name.clone(), all.len());
            all.push(Route::start(Some(name), client, options.clone())?);
        }
        Some(Self { all, by_service })
    }

    /// Returns the index of the route that the spans of a resource take.
    pub(super) fn find(&self, resource: &Attributes) -> usize {
        let service = resource.text("service.name").unwrap_or_default();
        self.by_service.get(service).copied().unwrap_or(0)
    }

    /// Returns a route by its index, or the first route if there is none.
    pub(super) fn get(&self, number: usize) -> &Route {
        self.all.get(number).unwrap_or(&self.all[0])
    }

    /// Returns the combined statistics of all routes.
    pub(super) fn stats(&self) -> Stats {
        self.all.iter().map(|route| route.delivery.stats()).sum()
    }

    /// Returns how the latest failed request of each route failed, with the services that the routes are for. Routes that failed
    /// in the same way are named together: if Sentry cannot be reached, all of them have.
    pub(super) fn last_failure(&self) -> Option<SendFailure> {
        let mut causes = BTreeMap::<_, BTreeSet<_>>::new();
        let mut latest = None;
        for route in &self.all {
            if let Some(SendFailure { cause, at, .. }) = route.delivery.last_failure() {
                latest = latest.max(Some(at));
                let services = causes.entry(cause).or_default();
                services.insert(route.service.as_deref());
            }
        }
        let causes = causes.into_iter().map(|(cause, services)| {
            if services.iter().all(Option::is_none) {
                return cause;
            }
            let services = services.into_iter().map(|it| it.unwrap_or("others"));
            let services: Vec<_> = services.collect();
            format!("{}: {cause}", services.join(", "))
        });
        let causes: Vec<_> = causes.collect();
        Some(SendFailure::new(causes.join("; "), latest?))
    }

    /// Closes all deliveries at the same time. Returns whether every span was accepted by the server or counted as lost within
    /// `timeout`.
    pub(super) fn close(&self, timeout: Duration) -> bool {
        thread::scope(|scope| {
            let closing: Vec<_> = self
                .all
                .iter()
                .map(|route| scope.spawn(move || route.delivery.close(timeout)))
                .collect();
            closing.into_iter().all(|it| it.join().unwrap_or(false))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_kept_configurations_is_bounded() {
        let client = Client::new("http://public@127.0.0.1:1/1".parse().unwrap());
        let route = Route::start(None, client, Options::new()).unwrap();
        for number in 0..3 * MAX_CONFIGS {
            let release_info = ReleaseInfo {
                release: Some(number.to_string()),
                environment: None,
            };
            let [config, again] = [(); 2].map(|()| route.config(&release_info).unwrap());
            assert!(Arc::ptr_eq(&config, &again));
        }
        assert!(lock(&route.configs).len() <= MAX_CONFIGS);
    }
}
