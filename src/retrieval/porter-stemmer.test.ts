import { expect, test } from 'vitest';
import { stem } from './porter-stemmer.ts';

// The examples for each step in Porter's paper, with the results after all steps.
test.for([
  ['step 1a', 'caresses caress ponies poni ties ti caress caress cats cat'],
  ['step 1b', 'feed feed agreed agre plastered plaster bled bled motoring motor sing sing'],
  [
    'step 1b, tidied',
    'conflated conflat troubled troubl sized size hopping hop tanned tan falling fall hissing hiss fizzed fizz failing fail filing file',
  ],
  ['step 1c', 'happy happi sky sky'],
  [
    'step 2',
    'relational relat conditional condit rational ration valenci valenc hesitanci hesit digitizer digit conformabli conform radicalli radic differentli differ vileli vile analogousli analog vietnamization vietnam predication predic operator oper feudalism feudal decisiveness decis hopefulness hope callousness callous formaliti formal sensitiviti sensit sensibiliti sensibl',
  ],
  [
    'step 3',
    'triplicate triplic formative form formalize formal electriciti electr electrical electr hopeful hope goodness good',
  ],
  [
    'step 4',
    'revival reviv allowance allow inference infer airliner airlin gyroscopic gyroscop adjustable adjust defensible defens irritant irrit replacement replac adjustment adjust dependent depend adoption adopt homologou homolog communism commun activate activ angulariti angular homologous homolog effective effect bowdlerize bowdler',
  ],
  ['step 5', 'probate probat rate rate cease ceas controll control roll roll'],
  ['later rules', 'possibly possibl archaeology archaeolog'],
  ['other words', 'by by 1990s 1990s naïve naïve'],
] as const)('stems the examples for %s', ([, pairs]) => {
  const words = pairs.split(' ');
  for (let i = 0; i < words.length; i += 2)
    expect(`${words[i]} → ${stem(words[i]!)}`).toBe(`${words[i]} → ${words[i + 1]}`);
});
