<?php
// A service on Symfony's HttpFoundation and Routing, with method override, behind a proxy that it trusts.

declare(strict_types=1);

use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\Routing\Exception\ExceptionInterface as NoRoute;
use Symfony\Component\Routing\Matcher\UrlMatcher;
use Symfony\Component\Routing\RequestContext;
use Symfony\Component\Routing\Route;
use Symfony\Component\Routing\RouteCollection;

require 'Symfony/Component/HttpFoundation/autoload.php';
require 'Symfony/Component/Routing/autoload.php';
require __DIR__ . '/common.php';

Request::enableHttpMethodParameterOverride();
$trusted = Request::HEADER_X_FORWARDED_FOR | Request::HEADER_X_FORWARDED_HOST | Request::HEADER_X_FORWARDED_PORT
    | Request::HEADER_X_FORWARDED_PROTO | Request::HEADER_X_FORWARDED_PREFIX;
Request::setTrustedProxies(['127.0.0.1', 'REMOTE_ADDR'], $trusted);
$request = Request::createFromGlobals();

$reading = new Reading();
$reading->parameters('query', $request->query->all());
$reading->parameters('form', $request->request->all());
foreach (['site', 'filter', 'apiKey', 'siteBy', 'order'] as $name) {
    try {
        $reading->parameters('merged', [$name => $request->get($name)]);
    } catch (Exception) {
        // Not a value of the kind that was asked for.
    }
}
try {
    $reading->parameters('json', $request->toArray());
} catch (Exception) {
    // No JSON.
}
$reading->headers('headers', fn (string $name) => $request->headers->all($name));
$reading->headers('header', fn (string $name) => $request->headers->get($name));
try {
    $reading->host($request->getHost());
} catch (Exception) {
    // Refused as untrusted.
}

$routes = new RouteCollection();
$add = function (string $verb, string $tail) use ($routes): void {
    $routes->add("$verb /orders$tail", new Route(
        "/{profile}/v{version}/orders$tail",
        [],
        ['profile' => '[a-z]+', 'version' => '[0-9]+'],
        ['utf8' => true],
        '',
        [],
        [$verb],
    ));
};
foreach ([['GET', ''], ['GET', '/history'], ['POST', '/create'], ['GET', '/{id}']] as [$verb, $tail]) {
    $add($verb, $tail);
}
foreach (['POST', 'PUT', 'DELETE'] as $verb) {
    $add($verb, '/{id}');
}
$route = null;
$verb = '';
$path = '';
try {
    $verb = $request->getMethod();
    $path = $request->getPathInfo();
    $found = (new UrlMatcher($routes, (new RequestContext())->fromRequest($request)))->matchRequest($request);
    [$method, $tail] = explode(' ', $found['_route']);
    $route = "$method $found[profile] $tail";
} catch (NoRoute | Exception) {
    // Nothing runs.
}
$reading->ran($verb, $path, $route);
$reading->send();
