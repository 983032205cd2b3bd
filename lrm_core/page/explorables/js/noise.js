// Noise that is the same each time, on every machine.

/**
 * `count` numbers of a standard normal distribution, after `skip` others of the same stream (Park and Miller 1988;
 * Box and Muller 1958): streams from neighbouring seeds would be multiples of each other.
 */
function gaussian(count, skip = 0) {
  let seed = 1;
  const uniform = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let step = 0; step < 2 * skip; step++) uniform();
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}
