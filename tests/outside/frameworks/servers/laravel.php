<?php
// A service on Laravel's Request and Router, as its index.php sets them up.

declare(strict_types=1);

use Illuminate\Container\Container;
use Illuminate\Events\Dispatcher;
use Illuminate\Http\Request;
use Illuminate\Routing\Router;

foreach (['Container', 'Events', 'Http', 'Routing', 'Support'] as $part) {
    require "Illuminate/$part/autoload.php";
}
require __DIR__ . '/common.php';

$request = Request::capture();
$reading = new Reading();
$reading->parameters('query', $request->query());
$reading->parameters('form', $request->post());
$reading->parameters('json', $request->isJson() ? $request->json()->all() : []);
$reading->parameters('all', $request->all());
$names = ['site', 'apiKey', 'siteBy', 'order'];
$reading->parameters('merged', array_combine($names, array_map(fn ($name) => $request->input($name), $names)));
$reading->parameters('merged', ['filter' => ['sites' => $request->input('filter.sites')]]);
$reading->headers('header', fn (string $name) => $request->header($name));
$reading->values('keys', 'bearer', $request->bearerToken());
try {
    $reading->host($request->getHost());
} catch (Exception) {
    // Refused as untrusted.
}

$container = new Container();
$router = new Router(new Dispatcher($container), $container);
$route = null;
$add = function (string $verb, string $tail) use ($router, &$route): void {
    $router->addRoute($verb, "{profile}/v{version}/orders$tail", function ($profile) use ($verb, $tail, &$route) {
        $route = "$verb $profile /orders$tail";
        return '';
    })->where(['profile' => '[a-z]+', 'version' => '[0-9]+']);
};
foreach ([['GET', ''], ['GET', '/history'], ['POST', '/create'], ['GET', '/{id}']] as [$verb, $tail]) {
    $add($verb, $tail);
}
foreach (['POST', 'PUT', 'DELETE'] as $verb) {
    $add($verb, '/{id}');
}
$verb = '';
$path = '';
try {
    $verb = $request->method();
    $path = $request->path();
    $router->dispatch($request);
} catch (Exception) {
    // Nothing runs.
}
$reading->ran($verb, $path, $route);
$reading->send();
